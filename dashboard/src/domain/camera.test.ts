import { expect, test } from "vitest";
import { cameraWords } from "./camera";

test("camera, lens and settings", () => {
  expect(
    cameraWords({
      make: "Canon",
      model: "Canon EOS 90D",
      lens: "EF-S 18-135mm",
      exposure_s: 0.008,
      f_number: 5.6,
      iso: 200,
      focal_length_mm: 35,
    }),
  ).toEqual(["Canon EOS 90D", "EF-S 18-135mm", "1/125 s, f/5.6, ISO 200, 35 mm"]);
});

test("the maker is said once, and only what is known", () => {
  expect(cameraWords({ make: "NIKON CORPORATION", model: "NIKON D70" })).toEqual(["NIKON D70"]);
  expect(cameraWords({ make: "Apple", model: "iPhone 13", exposure_s: 2.5 })).toEqual([
    "Apple iPhone 13",
    "2.5 s",
  ]);
  expect(cameraWords({ make: "Kodak" })).toEqual(["Kodak"]);
  expect(cameraWords({})).toEqual([]);
});
