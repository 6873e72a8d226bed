import { expect, test } from "vitest";
import { matcher } from "./search";

test.each([
  ["cafe", "Café de Flore.jpg"],
  ["ÉTÉ 2024", "ete_2024-07.png"],
  ["beach day", "Beach-Day.jpg"],
  ["day beach", "beach_day.jpg"],
  ["1,009", "1009 photos"],
  ["1009", "1,009 photos"],
  ["1 009", "1’009"],
  ["strasse", "STRASSE"],
  ["猫", "黒い猫.jpg"],
  ["🐈", "a 🐈 cat"],
  ["IMG_0001", "img-0001.jpeg"],
  ["", "anything"],
  ["   ", "anything"],
])("%j finds %j", (words, text) => {
  expect(matcher(words)(text)).toBe(true);
});

test.each([
  ["beach night", "beach-day.jpg"],
  ["1,009", "10 09"],
  ["!", "anything"],
])("%j does not find %j", (words, text) => {
  expect(matcher(words)(text)).toBe(false);
});

test("words may be in different texts", () => {
  expect(matcher("dog 3f2")("Dogs", "job 3f2a")).toBe(true);
});
