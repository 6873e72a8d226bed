// What people say of a camera and its settings.
import type { ImageInfo } from "./types";

type Camera = NonNullable<ImageInfo["camera"]>;

const rounded = (value: number, digits: number): string => String(Number(value.toFixed(digits)));

// "1/125 s", "2.5 s".
const exposureWords = (seconds: number): string =>
  seconds < 0.3 ? `1/${Math.round(1 / seconds)} s` : `${rounded(seconds, 1)} s`;

// The camera, its lens, and its settings, as far as they are known: one line each.
export function cameraWords(camera: Camera): string[] {
  const { make = "", model = "", lens = "" } = camera;
  // Models often begin with their maker: "Canon EOS 90D".
  const first = make.split(" ")[0] ?? "";
  const known = model.toLowerCase().startsWith(first.toLowerCase());
  const settings = [
    camera.exposure_s ? exposureWords(camera.exposure_s) : "",
    camera.f_number ? `f/${rounded(camera.f_number, 1)}` : "",
    camera.iso ? `ISO ${camera.iso}` : "",
    camera.focal_length_mm ? `${rounded(camera.focal_length_mm, 1)} mm` : "",
  ].filter(Boolean);
  return [known ? model || make : `${make} ${model}`.trim(), lens, settings.join(", ")].filter(
    Boolean,
  );
}
