import { afterEach, describe, expect, test, vi } from "vitest";
import { imageType, nameInStore, prepare, type Candidate } from "./prepare";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const jpeg = (content: string, name = "a.jpg") =>
  new File([bytes("\xff\xd8\xff\xe0" + content)], name);

const nothingStored = () => Promise.resolve(new Set<Candidate>());

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
  test("reports which files are not images, and why", async () => {
    const { ready, rejected } = await prepare(
      [
        jpeg("1"),
        new File(["text"], "notes.txt"),
        new File([], "empty.jpg"),
        new File([bytes("\0\0\0\x18ftypheic....")], "phone.heic"),
        new File(["x"], ".DS_Store"),
      ],
      nothingStored,
      [],
    );
    expect(ready.map(({ file }) => file.name)).toEqual(["a.jpg"]);
    expect(rejected.map(({ name }) => name)).toEqual(["notes.txt", "empty.jpg", "phone.heic"]);
    expect(rejected[2]?.reason).toContain("HEIC");
  });

  test("sends equal content once, whatever its name", async () => {
    const { ready, repeated } = await prepare(
      [jpeg("same", "a.jpg"), jpeg("same", "b.jpg"), jpeg("diff", "c.jpg")],
      nothingStored,
      [],
    );
    expect(ready.map(({ file }) => file.name)).toEqual(["a.jpg", "c.jpg"]);
    expect(repeated).toEqual([{ name: "b.jpg", reason: "is the same photo as a.jpg" }]);
  });

  test("a file that vanishes while it is checked does not stop the others", async () => {
    const gone = jpeg("gone", "gone.jpg");
    gone.arrayBuffer = () => Promise.reject(new Error("it is not there"));
    const { ready } = await prepare([gone, jpeg("here", "here.jpg")], nothingStored, []);
    expect(ready.map(({ file }) => file.name)).toEqual(["gone.jpg", "here.jpg"]);
  });

  describe("where the browser offers no digests", () => {
    afterEach(() => vi.unstubAllGlobals());

    test("different photos of one name and size are all sent, equal ones once", async () => {
      vi.stubGlobal("crypto", {});
      const { ready, repeated } = await prepare(
        [jpeg("2024", "1.jpg"), jpeg("2025", "1.jpg"), jpeg("2024", "2.jpg")],
        nothingStored,
        [],
      );
      expect(ready).toHaveLength(2);
      expect(repeated).toEqual([{ name: "2.jpg", reason: "is the same photo as 1.jpg" }]);
    });

    test("files that differ only near the end, or have the same checksum, are not duplicates", async () => {
      vi.stubGlobal("crypto", {});
      const long = "x".repeat(3 << 20);
      const { ready, repeated } = await prepare(
        [
          jpeg(`${long}a`),
          jpeg(`${long}b`),
          jpeg(`${long}a`),
          // Found by search: both have the same 32-bit FNV-1a.
          jpeg("009rnw"),
          jpeg("00apba"),
        ],
        nothingStored,
        [],
      );
      expect(ready).toHaveLength(4);
      expect(repeated).toHaveLength(1);
    });
  });

  test("sets aside what the store or the queue already has", async () => {
    const cat = jpeg("cat", "my cat.jpg");
    const dog = jpeg("doggy", "dog.jpg");
    const findStored = (candidates: readonly Candidate[]) =>
      Promise.resolve(new Set(candidates.filter(({ file }) => file === cat)));
    const queued = [{ file: dog, path: "dog.jpg", type: "image/jpeg" }];
    const prepared = await prepare([cat, dog, jpeg("another", "my cat.jpg")], findStored, queued);
    expect(prepared.stored.map(({ file }) => file.name)).toEqual(["my cat.jpg", "dog.jpg"]);
    expect(prepared.ready).toHaveLength(1);
  });
  test("photos of one name and size in two folders are different", async () => {
    const photo = (content: string, path: string) =>
      Object.defineProperty(jpeg(content, "1.jpg"), "webkitRelativePath", { value: path });
    const queued = [{ file: photo("2024", "A/1.jpg"), path: "A/1.jpg", type: "image/jpeg" }];
    const { ready, stored } = await prepare(
      [photo("2025", "B/1.jpg"), photo("2024", "A/1.jpg")],
      nothingStored,
      queued,
    );
    expect(ready.map(({ path }) => path)).toEqual(["B/1.jpg"]);
    expect(stored.map(({ path }) => path)).toEqual(["A/1.jpg"]);
  });
});
