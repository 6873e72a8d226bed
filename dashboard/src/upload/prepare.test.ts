import { afterEach, describe, expect, test, vi } from "vitest";
import { imageType, nameInStore, prepare } from "./prepare";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const jpeg = (content: string, name = "a.jpg") =>
  new File([bytes("\xff\xd8\xff\xe0" + content)], name);

test.each([
  ["\xff\xd8\xff\xe1", "image/jpeg"],
  ["\x89PNG\r\n\x1a\n", "image/png"],
  ["GIF89a", "image/gif"],
  ["RIFF....WEBPVP8 ", "image/webp"],
  ["BM......", "image/bmp"],
  ["RIFF....WAVE", ""],
  ["%PDF-1.4", ""],
  ["", ""],
])("%j is %j", (head, type) => {
  expect(imageType(bytes(head))).toBe(type);
});

describe("nameInStore", () => {
  test.each([
    ["my cat (1).JPG", "image/jpeg", "my_cat__1_.jpg"],
    ["חתול.png", "image/png", "חתול.png"],
    ["really-a-jpeg.png", "image/jpeg", "really-a-jpeg.jpg"],
    ["noextension", "image/gif", "noextension.gif"],
    [`${"x".repeat(300)}.jpg`, "image/jpeg", `${"x".repeat(100)}.jpg`],
    [`${"é".repeat(60)}.jpg`, "image/jpeg", `${"é".repeat(50)}.jpg`],
    ["🐈.webp", "image/webp", "🐈.webp"],
  ])("%s", (name, type, expected) => {
    expect(nameInStore(name, type)).toBe(expected);
  });
});

describe("prepare", () => {
  test("tells what is no image, and why", async () => {
    const { ready, rejected } = await prepare(
      [
        jpeg("1"),
        new File(["text"], "notes.txt"),
        new File([], "empty.jpg"),
        new File([bytes("\0\0\0\x18ftypheic....")], "phone.heic"),
        new File(["x"], ".DS_Store"),
      ],
      [],
      [],
    );
    expect(ready.map(({ file }) => file.name)).toEqual(["a.jpg"]);
    expect(rejected.map(({ name }) => name)).toEqual(["notes.txt", "empty.jpg", "phone.heic"]);
    expect(rejected[2]?.reason).toContain("HEIC");
  });

  test("sends equal content once, whatever its name", async () => {
    const { ready, repeated } = await prepare(
      [jpeg("same", "a.jpg"), jpeg("same", "b.jpg"), jpeg("diff", "c.jpg")],
      [],
      [],
    );
    expect(ready.map(({ file }) => file.name)).toEqual(["a.jpg", "c.jpg"]);
    expect(repeated).toEqual([{ name: "b.jpg", reason: "is the same picture as a.jpg" }]);
  });

  test("a file that vanishes while it is looked at does not hold up the others", async () => {
    const gone = jpeg("gone", "gone.jpg");
    gone.arrayBuffer = () => Promise.reject(new Error("it is not there"));
    const { ready } = await prepare([gone, jpeg("here", "here.jpg")], [], []);
    expect(ready.map(({ file }) => file.name)).toEqual(["gone.jpg", "here.jpg"]);
  });

  describe("where the browser gives no digests", () => {
    afterEach(() => vi.unstubAllGlobals());

    test("different photos of one name and size are all sent, equal ones once", async () => {
      vi.stubGlobal("crypto", {});
      const { ready, repeated } = await prepare(
        [jpeg("2024", "1.jpg"), jpeg("2025", "1.jpg"), jpeg("2024", "2.jpg")],
        [],
        [],
      );
      expect(ready).toHaveLength(2);
      expect(repeated).toEqual([{ name: "2.jpg", reason: "is the same picture as 1.jpg" }]);
    });

    test("what differs far behind, or has the same checksum, is no repetition", async () => {
      vi.stubGlobal("crypto", {});
      const long = "x".repeat(3 << 20);
      const { ready, repeated } = await prepare(
        [
          jpeg(`${long}a`),
          jpeg(`${long}b`),
          jpeg(`${long}a`),
          // Found by trying; FNV-1a gives both the same 32 bits.
          jpeg("009rnw"),
          jpeg("00apba"),
        ],
        [],
        [],
      );
      expect(ready).toHaveLength(4);
      expect(repeated).toHaveLength(1);
    });
  });

  test("sets aside what the store or the queue has already", async () => {
    const cat = jpeg("cat", "my cat.jpg");
    const dog = jpeg("doggy", "dog.jpg");
    const stored = [
      { key: "uploads/my_cat_20260101-120000_00000001.jpg", size: cat.size, last_modified: "" },
    ];
    const queued = [{ file: dog, type: "image/jpeg" }];
    const prepared = await prepare([cat, dog, jpeg("another", "my cat.jpg")], stored, queued);
    expect(prepared.stored.map(({ file }) => file.name)).toEqual(["my cat.jpg", "dog.jpg"]);
    expect(prepared.ready).toHaveLength(1);
  });
});
