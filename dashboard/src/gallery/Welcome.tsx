import { Images, ImageUp, ListChecks, Sparkles } from "lucide-react";
import { EmptyState } from "../ui/States";
import { UploadButtons } from "../upload/UploadButtons";
import "./Welcome.css";

// The gallery before the first photo.
export function Welcome() {
  return (
    <div className="welcome">
      <EmptyState icon={Images} title="Add photos" actions={<UploadButtons />}>
        <p>
          Drop photos or a whole folder anywhere on this page, paste a photo, or choose files: JPEG,
          PNG, HEIC, WebP, GIF, AVIF, TIFF, JPEG XL, BMP and camera raw files.
        </p>
      </EmptyState>
      <ol className="steps">
        <li>
          <ImageUp aria-hidden />
          <strong>Upload</strong>
          <span>From ten photos to many thousands, straight to your storage.</span>
        </li>
        <li>
          <Sparkles aria-hidden />
          <strong>Classify</strong>
          <span>Into 1,000 everyday classes, or into categories that you name.</span>
        </li>
        <li>
          <ListChecks aria-hidden />
          <strong>Find</strong>
          <span>Group, filter and export what was found.</span>
        </li>
      </ol>
    </div>
  );
}
