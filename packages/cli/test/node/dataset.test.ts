// readDataset on folders made here: order, other alphabets, empty classes, links, and the errors.

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { byCodePoint } from "../../src/data/codePoints.ts";
import { dataFingerprint, readDataset } from "../../src/data/dataset.ts";

let dir = "";

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ballsight-dataset-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function put(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), path);
  }
}

describe("readDataset", () => {
  it("sorts classes and files by code point and numbers the classes", async () => {
    await put("b/2.jpg", "b/10.PNG", "B/é.webp", "B/z.jpeg", "B/Z.jpg", "a b/1.jpg", "a/1.jpg");
    const dataset = await readDataset(dir);
    expect(dataset.classes).toEqual(["B", "a", "a b", "b"]);
    expect(dataset.files).toEqual(["B/Z.jpg", "B/z.jpeg", "B/é.webp", "a/1.jpg", "a b/1.jpg", "b/10.PNG", "b/2.jpg"]);
    expect([...dataset.targets]).toEqual([0, 0, 0, 1, 2, 3, 3]);
    expect([...dataset.sizes]).toEqual([7, 8, 9, 7, 9, 8, 7]); // é is two bytes
    expect(dataset.warnings).toEqual([]);
  });

  it("takes class names in any alphabet, and writes them NFC", async () => {
    await put("Мяч/1.jpg", "ボール/1.jpg", "ボール/写真.jpg", "Cafe\u0301/1.jpg", "⚽/1.jpg");
    const dataset = await readDataset(dir);
    expect(dataset.classes).toEqual(["Caf\u00e9", "Мяч", "⚽", "ボール"]);
    expect(dataset.files[0]).toBe("Cafe\u0301/1.jpg"); // as on disk, or it could not be opened
    expect([...dataset.targets]).toEqual([0, 1, 2, 3, 3]);
  });

  it("makes one class of two spellings of one name", async () => {
    await put("Cafe\u0301/1.jpg", "Caf\u00e9/2.jpg", "Tea/1.jpg");
    const dataset = await readDataset(dir);
    expect(dataset.classes).toEqual(["Caf\u00e9", "Tea"]);
    expect([...dataset.targets]).toEqual([0, 0, 1]);
  });

  it("leaves out dot-files, dot-folders, other files and photos beside the class folders", async () => {
    await put("a/1.jpg", "a/.hidden.jpg", "a/notes.txt", "a/Thumbs.db", "a/deep/.trash/9.jpg", "a/deep/2.jpg");
    await put("b/1.jpg", ".trash/a/3.jpg", "metadata.jsonl", "loose.jpg");
    const dataset = await readDataset(dir);
    expect(dataset.files).toEqual(["a/1.jpg", "a/deep/2.jpg", "b/1.jpg"]);
    expect(dataset.warnings).toEqual([
      { code: "DATA_LOOSE_PHOTOS", message: "1 photo lies beside the class folders and is left out" },
    ]);
  });

  it("warns of an empty class and does not count it as one", async () => {
    await put("a/1.jpg", "b/1.jpg", "empty/readme.txt");
    const dataset = await readDataset(dir);
    expect(dataset.classes).toEqual(["a", "b"]);
    expect(dataset.warnings).toEqual([
      {
        code: "DATA_EMPTY_CLASS",
        message: "expected photos in class folder `empty` but found none; add photos or take the folder out",
      },
    ]);
  });

  it("warns when the class folders look like a split", async () => {
    await put("train/Golf/1.jpg", "valid/Golf/1.jpg");
    expect((await readDataset(dir)).warnings.map((warning) => warning.code)).toEqual(["DATA_LOOKS_SPLIT"]);
  });

  it("follows symbolic links and survives one that leads back up", async () => {
    await put("a/1.jpg", "elsewhere/b1.jpg");
    await symlink(join(dir, "elsewhere"), join(dir, "linked"));
    await symlink(join(dir, "a"), join(dir, "a", "loop"));
    await symlink(join(dir, "nothing"), join(dir, "a", "broken.jpg"));
    const dataset = await readDataset(dir);
    expect(dataset.files).toEqual(["a/1.jpg", "a/broken.jpg", "elsewhere/b1.jpg", "linked/b1.jpg"]);
  });

  it.each<[string, string[], string, string]>([
    ["one class", ["a/1.jpg"], "DATA_ONE_CLASS", "but found one (a)"],
    ["one class beside an empty one", ["a/1.jpg", "b/x.txt"], "DATA_ONE_CLASS", "but found one (a)"],
    ["no class folders", ["1.jpg", "2.jpg"], "DATA_ONE_CLASS", "no class folder and 2 photos outside of class folders"],
    ["no photos", ["a/x.txt", "b/y.txt"], "NO_PHOTOS", "found none"],
    ["an empty folder", [], "NO_PHOTOS", "found none"],
  ])("refuses %s", async (_, paths, code, message) => {
    await put(...paths);
    await expect(readDataset(dir)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it("refuses a file and a path where nothing is", async () => {
    await put("file.jpg");
    await expect(readDataset(join(dir, "file.jpg"))).rejects.toMatchObject({
      code: "DATA_NOT_A_FOLDER",
      message: expect.stringContaining("received a file"),
    });
    await expect(readDataset(join(dir, "nothing"))).rejects.toMatchObject({
      code: "DATA_NOT_A_FOLDER",
      message: expect.stringContaining("a path where nothing is"),
    });
  });
});

describe("byCodePoint", () => {
  it("puts an emoji behind a full-width letter, as Python does", () => {
    // python3 -c 'print(sorted(["\U0001F3D0", "\uFF21", "a", "B", "ab", ""]))'
    expect(["\u{1F3D0}", "\uFF21", "a", "B", "ab", ""].sort(byCodePoint)).toEqual([
      "",
      "B",
      "a",
      "ab",
      "\uFF21",
      "\u{1F3D0}",
    ]);
  });
});

describe("dataFingerprint", () => {
  const photos = [
    { file: "a/1.jpg", size: 10 },
    { file: "b/2.jpg", size: 20 },
  ];

  it("is the SHA-256 of the sorted list", () => {
    // printf '["a/1.jpg",10,null]\n["b/2.jpg",20,null]' | sha256sum
    const expected = "e3fe6065950f5a950f4fb472f5e0e6959517670bda01ce3535c2e16e0a24657a";
    expect(dataFingerprint(photos)).toBe(expected);
    expect(dataFingerprint([...photos].reverse())).toBe(expected);
  });

  it("changes with a name, a size and the content", () => {
    const other = [
      [photos[0]!],
      [photos[0]!, { file: "b/3.jpg", size: 20 }],
      [photos[0]!, { file: "b/2.jpg", size: 21 }],
      [photos[0]!, { file: "b/2.jpg", size: 20, sha256: "00" }],
    ].map(dataFingerprint);
    expect(new Set([...other, dataFingerprint(photos)]).size).toBe(5);
  });
});
