import { expect, test } from "vitest";
import { toCsv } from "./csv";
import type { Row } from "../domain/results";

const row = (filename: string, score: number, label = "cat", error = ""): Row => ({
  index: 0,
  key: `uploads/${filename}`,
  filename,
  path: `Pets/${filename}`,
  name: `Pets/${filename}`,
  predictions: error ? [] : [{ label, score }],
  ms: 4.25,
  error,
});
const lines = (rows: Row[], threshold: number) => toCsv(rows, threshold).split("\r\n");

test("a row is classified at the threshold of the page, with the reason worded as by the server", () => {
  expect(lines([row("a.jpg", 0.31)], 0.3)[1]).toBe(
    "a.jpg,uploads/a.jpg,cat,0.31,classified,,,4.25,cat 0.31,Pets/a.jpg,",
  );
  expect(lines([row("a.jpg", 0.31)], 0.5)[1]).toBe(
    "a.jpg,uploads/a.jpg,unknown,0.31,unknown,confidence below threshold (0.31 < 0.5). Original prediction: cat,,4.25,cat 0.31,Pets/a.jpg,",
  );
  expect(lines([row("a.jpg", 0.499999)], 0.5)[1]).toContain("(0.499999 < 0.5)");
  expect(lines([row("a.jpg", 0, "", "the JPEG is truncated")], 0.5)[1]).toBe(
    "a.jpg,uploads/a.jpg,,,failed,,the JPEG is truncated,4.25,,Pets/a.jpg,",
  );
});

test("commas and quotes are quoted, and nothing is a formula", () => {
  expect(lines([row("=SUM(A1).jpg", 0.25, 'big, "cat"')], 0)[1]).toBe(
    `'=SUM(A1).jpg,uploads/=SUM(A1).jpg,"big, ""cat""",0.25,classified,,,4.25,"big, ""cat"" 0.25",Pets/=SUM(A1).jpg,`,
  );
});

test("what is missing of a photo is in the last column", () => {
  const warning = "the file ends early: the last 5 % of the picture is missing, or wrong";
  const [head, torn] = lines([{ ...row("a.jpg", 0.9), warning }], 0.5);
  expect(head).toMatch(/,name,warning$/);
  expect(torn).toBe(
    `a.jpg,uploads/a.jpg,cat,0.9,classified,,,4.25,cat 0.9,Pets/a.jpg,"${warning}"`,
  );
});
