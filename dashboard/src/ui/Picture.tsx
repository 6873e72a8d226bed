// Images from the store: loaded directly by URL, or through fetch where an API key is needed.
import { ImageOff } from "lucide-react";
import { useEffect, useState } from "react";
import { imagePath, request, thumbnailPath } from "../api/client";
import { isShownByBrowsers } from "../domain/kinds";
import { apiKey, settings } from "../state/settings";
import "./Picture.css";

// The URL for an <img>; undefined while loading, null when the image cannot be loaded.
function useSource(path: string, broken: boolean): string | null | undefined {
  const [fetched, setFetched] = useState<string | null | undefined>(undefined);
  const withKey = apiKey() !== "";
  useEffect(() => {
    if (!withKey || broken) return;
    const stop = new AbortController();
    let url = "";
    request(path, { signal: stop.signal })
      .then(async (response) => {
        const blob = await response.blob();
        if (blob.size === 0) throw new Error("there is no picture");
        return blob;
      })
      .then((blob) => {
        url = URL.createObjectURL(blob);
        setFetched(url);
      })
      .catch(() => {
        if (!stop.signal.aborted) setFetched(null);
      });
    return () => {
      stop.abort();
      if (url) URL.revokeObjectURL(url);
    };
  }, [path, withKey, broken]);
  return withKey ? fetched : settings.get().backend + path;
}

interface PictureProps {
  path: string;
  alt: string;
  className?: string;
  lazy?: boolean;
  onBroken?: () => void; // called in place of saying that it cannot be shown
}

// What could not be shown is not asked for again, until the server is back or photos were restored.
const broken = new Set<string>();
export const forgetBroken = (): void => broken.clear();

function Picture({ path, alt, className = "", lazy = false, onBroken }: PictureProps) {
  const [isBroken, setBroken] = useState(() => broken.has(path));
  const source = useSource(path, isBroken);
  const fail = () => {
    broken.add(path);
    if (onBroken) onBroken();
    else setBroken(true);
  };
  if (isBroken || source === null) {
    return (
      <span
        className={`picture broken ${className}`}
        role="img"
        aria-label={`${alt || "photo"}: cannot be shown`}
      >
        <ImageOff size={22} aria-hidden />
      </span>
    );
  }
  return (
    <img
      className={`picture ${className}`}
      src={source}
      alt={alt}
      loading={lazy ? "lazy" : "eager"}
      decoding="async"
      draggable={false}
      onError={fail}
    />
  );
}

export const Thumbnail = ({
  image,
  alt = "",
  size = 256,
  trashed = false,
}: {
  image: string;
  alt?: string;
  size?: number;
  trashed?: boolean;
}) => (
  <Picture
    key={image}
    path={thumbnailPath(image, size, trashed)}
    alt={alt}
    className="thumbnail"
    lazy
  />
);

const largest = 2048; // pixels of a thumbnail

// The original, or where browsers do not show its type, the largest thumbnail. A name may be wrong, so the
// thumbnail is also tried for an original that is not shown.
export function FullPicture({ image, alt }: { image: string; alt: string }) {
  const [notShown, setNotShown] = useState("");
  const original = isShownByBrowsers(image) && notShown !== image && !broken.has(imagePath(image));
  return original ? (
    <Picture
      key={image}
      path={imagePath(image)}
      alt={alt}
      className="full"
      onBroken={() => setNotShown(image)}
    />
  ) : (
    <Picture
      key={`${image} thumbnail`}
      path={thumbnailPath(image, largest)}
      alt={alt}
      className="full"
    />
  );
}
