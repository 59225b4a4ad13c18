// Preloaded into the program (`node --import`): kills it with SIGKILL just before its n-th change to the disk below a folder.

import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const { KILL_AT = "", KILL_BELOW = "" } = process.env;
let left = Number(KILL_AT);

function count(path) {
  if (!String(path).startsWith(KILL_BELOW)) return;
  if (--left <= 0) process.kill(process.pid, "SIGKILL");
}

for (const name of ["rename", "link", "unlink", "writeFile", "mkdir", "rmdir", "copyFile"]) {
  const original = fs[name];
  fs[name] = (path, ...rest) => {
    count(path);
    return original(path, ...rest);
  };
}

const open = fs.open;
fs.open = async (path, flags = "r", ...rest) => {
  if (flags !== "r") count(path);
  const file = await open(path, flags, ...rest);
  if (flags === "r") return file;
  for (const name of ["write", "appendFile", "sync"]) {
    const original = file[name];
    file[name] = (...args) => {
      count(path);
      return original.apply(file, args);
    };
  }
  return file;
};
syncBuiltinESMExports();
