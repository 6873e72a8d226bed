import { afterEach, describe, expect, test, vi } from "vitest";
import { imageType } from "../domain/kinds";
import { nameInStore, prepare, type Candidate } from "./prepare";

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
    const { ready, rejected, clutter } = await prepare(
      [
        jpeg("1"),
        new File(["text"], "notes.txt"),
        new File([], "empty.jpg"),
        new File([bytes("\0\0\0\x18ftypheic....")], "phone.heic"),
        new File([bytes("\0\0\0\x18ftypqt  ....")], "phone.mov"),
        new File(["x"], ".DS_Store"),
      ],
      nothingStored,
      [],
    );
    expect(ready.map(({ file, type }) => [file.name, type])).toEqual([
      ["a.jpg", "image/jpeg"],
      ["phone.heic", "image/heic"],
    ]);
    expect(rejected.map(({ name, reason }) => [name, reason])).toEqual([
      ["notes.txt", "is not an image, but a text file"],
      ["empty.jpg", "is empty"],
      ["phone.mov", "is not an image, but a video"],
    ]);
    expect(clutter.map(({ name, kind }) => [name, kind])).toEqual([[".DS_Store", "toolFile"]]);
  });

  test("sends equal content once, whatever its name", async () => {
    const { ready, repeated } = await prepare(
      [jpeg("same", "a.jpg"), jpeg("same", "b.jpg"), jpeg("diff", "c.jpg")],
      nothingStored,
      [],
    );
    expect(ready.map(({ file }) => file.name)).toEqual(["a.jpg", "c.jpg"]);
    expect(repeated).toEqual([
      { name: "b.jpg", kind: "repeated", reason: "is the same photo as a.jpg" },
    ]);
  });

  test("a file that vanishes while it is checked does not stop the others", async () => {
    const gone = jpeg("gone", "gone.jpg");
    gone.arrayBuffer = () => Promise.reject(new Error("it is not there"));
    const { ready } = await prepare([gone, jpeg("here", "here.jpg")], nothingStored, []);
    expect(ready.map(({ file }) => file.name)).toEqual(["gone.jpg", "here.jpg"]);
  });

  test("in a folder the files of photo tools, sidecars and unreadable ones are told, too", async () => {
    const inFolder = (path: string, content = "1") =>
      Object.defineProperty(
        jpeg(content, path.slice(path.lastIndexOf("/") + 1)),
        "webkitRelativePath",
        {
          value: path,
        },
      );
    const files = [
      inFolder("DCIM/a.jpg"),
      inFolder("DCIM/b.THM", "2"),
      inFolder("DCIM/@eaDir/a.jpg/thumb.jpg", "3"),
      inFolder("DCIM/._a.jpg", "4"),
      inFolder("DCIM/without ending", "5"),
    ];
    const { ready, rejected, clutter } = await prepare(files, nothingStored, [], ["DCIM/gone.jpg"]);
    expect(ready.map(({ path }) => path)).toEqual(["DCIM/a.jpg", "DCIM/without ending"]);
    expect(rejected.map(({ name, kind }) => [name, kind])).toEqual([
      ["DCIM/b.THM", "sidecar"],
      ["DCIM/gone.jpg", "unreadable"],
    ]);
    expect(clutter.map(({ name }) => name)).toEqual([
      "DCIM/@eaDir/a.jpg/thumb.jpg",
      "DCIM/._a.jpg",
    ]);
    // Chosen alone they are wanted.
    const alone = await prepare([jpeg("2", "b.THM"), jpeg("4", "._a.jpg")], nothingStored, []);
    expect(alone.ready).toHaveLength(2);
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
      expect(repeated).toEqual([
        { name: "2.jpg", kind: "repeated", reason: "is the same photo as 1.jpg" },
      ]);
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
