import { expect, test } from "vitest";
import { isPicture, keepPicture, pictureOf, whyNot } from "./likePicture";

const jpeg = (name: string, size = 200): File => {
  const bytes = new Uint8Array(size);
  bytes.set([0xff, 0xd8, 0xff, 0xe0]);
  return new File([bytes], name);
};

test("one picture of a usable size is taken", async () => {
  expect(await whyNot([jpeg("a.jpg")])).toBe("");
  expect(await whyNot([])).toBe("Choose one picture.");
  expect(await whyNot([jpeg("a.jpg"), jpeg("b.jpg")])).toBe("Choose one picture.");
  expect(await whyNot([new File(["words"], "notes.txt")])).toBe("“notes.txt” is not a picture.");
  expect(await whyNot([new File(["words"], "notes.jpg")])).toBe("“notes.jpg” is not a picture.");
  expect(await whyNot([jpeg("large.jpg", 64_000_001)])).toBe("“large.jpg” is larger than 64 MB.");
});

test("each picture has its own place in the address", () => {
  const first = keepPicture(jpeg("a.jpg"));
  const second = keepPicture(jpeg("b.heic"));
  expect([isPicture(first), isPicture("uploads/a.jpg")]).toEqual([true, false]);
  expect(pictureOf(first)?.name).toBe("a.jpg");
  expect(pictureOf(second)).toMatchObject({ name: "b.heic", url: "" });
  expect(pictureOf(":99")).toBeUndefined();
});
