// A pickle machine that executes nothing: plain values, and the globals that its caller knows. What torch.save writes needs no more.
// Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py

import { decodeUtf8 } from "./utf8.ts";

/** What a pickle may do beyond plain values. Everything here throws where it refuses. */
export interface PickleHost {
  /** What a global stands for; a function can be called by REDUCE and NEWOBJ. */
  readonly global: (module: string, name: string) => unknown;
  readonly persistent: (id: unknown) => unknown;
  /** BUILD: gives an object its state. */
  readonly build: (object: unknown, state: unknown) => void;
  readonly invalid: (received: string) => never;
}

export type PickleFunction = (args: readonly unknown[]) => unknown;

/** Opcodes of one pickle: some 25,000 tensors, or a bomb of at most some 250 MB of objects (empty Maps are the largest). */
const MAX_STEPS = 1_000_000;
const MAX_TEXT = 1 << 20;
/** A module or a name, up to its line break. */
const MAX_LINE = 512;
const MAX_LONG = 64;

const isFunction = (value: unknown): value is PickleFunction => typeof value === "function";

/**
 * Reads one pickle from `start`. Tuples and lists become arrays, dicts become Maps, bytes become Uint8Arrays, integers
 * numbers where they are safe and bigints else.
 * @returns the value and the offset behind its STOP
 */
export function unpickle(bytes: Uint8Array, start: number, host: PickleHost): { value: unknown; end: number } {
  const { invalid } = host;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const memo = new Map<number, unknown>();
  /** The stacks below the open marks. */
  const marks: unknown[][] = [];
  let stack: unknown[] = [];
  let at = start;

  const take = (length: number): number => {
    const from = at;
    if (length > bytes.length - at) invalid("a pickle that is cut short");
    at += length;
    return from;
  };
  const u8 = () => view.getUint8(take(1));
  const u16 = () => view.getUint16(take(2), true);
  const u32 = () => view.getUint32(take(4), true);
  const u64 = () => Number(view.getBigUint64(take(8), true));
  const raw = (length: number): Uint8Array => {
    if (length > MAX_TEXT) invalid(`a pickle with a text of ${length} bytes, more than ${MAX_TEXT}`);
    const from = take(length);
    return bytes.subarray(from, at);
  };
  const utf8 = (encoded: Uint8Array): string => {
    try {
      return decodeUtf8(encoded);
    } catch {
      return invalid("a pickle with a text that is not UTF-8");
    }
  };
  const text = (length: number) => utf8(raw(length));
  /** Python 2's str: bytes of no known encoding, read so that every byte is a character. */
  const latin1 = (length: number) => Array.from(raw(length), (byte) => String.fromCharCode(byte)).join("");
  const line = (): string => {
    const length = bytes.subarray(at, at + MAX_LINE).indexOf(0x0a);
    if (length < 0) invalid("a pickle with a name that does not end");
    const name = text(length);
    at++;
    return name;
  };
  const long = (length: number): number | bigint => {
    if (length > MAX_LONG) invalid(`a pickle with a number of ${length} bytes`);
    const from = take(length);
    let value = 0n;
    for (let i = at - 1; i >= from; i--) value = (value << 8n) | BigInt(view.getUint8(i));
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  };

  const push = (value: unknown) => void stack.push(value);
  const pop = (): unknown => (stack.length > 0 ? stack.pop() : invalid("a pickle whose stack runs empty"));
  const top = (): unknown => (stack.length > 0 ? stack.at(-1) : invalid("a pickle whose stack runs empty"));
  const popMark = (): unknown[] => {
    const items = stack;
    stack = marks.pop() ?? invalid("a pickle that closes a mark it never set");
    return items;
  };
  const popMany = (count: number): unknown[] => {
    if (stack.length < count) invalid("a pickle whose stack runs empty");
    return stack.splice(stack.length - count);
  };
  const append = (items: readonly unknown[]) => {
    const list = top();
    if (!Array.isArray(list)) return invalid("a pickle that appends to what is no list");
    for (const item of items) list.push(item);
  };
  const setItems = (items: readonly unknown[]) => {
    const dict = top();
    if (!(dict instanceof Map) || items.length % 2 === 1)
      return invalid("a pickle that sets items of what is no dictionary");
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  };
  const call = () => {
    const [callee, args] = popMany(2);
    if (!isFunction(callee) || !Array.isArray(args)) return invalid("a pickle that calls what is no function");
    push(callee(args));
  };
  const recall = (index: number) => {
    if (!memo.has(index)) invalid(`a pickle that recalls what it never stored (${index})`);
    push(memo.get(index));
  };

  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const opcode = u8();
    switch (opcode) {
      case 0x80: // PROTO
        if (u8() > 5) invalid("a pickle of an unknown protocol");
        break;
      case 0x95: // FRAME: how much comes next, which is of no use in memory
        take(8);
        break;
      case 0x2e: // STOP
        return { value: pop(), end: at };

      case 0x4e: // NONE
        push(null);
        break;
      case 0x88: // NEWTRUE
        push(true);
        break;
      case 0x89: // NEWFALSE
        push(false);
        break;
      case 0x4a: // BININT
        push(view.getInt32(take(4), true));
        break;
      case 0x4b: // BININT1
        push(u8());
        break;
      case 0x4d: // BININT2
        push(u16());
        break;
      case 0x8a: // LONG1
        push(long(u8()));
        break;
      case 0x8b: // LONG4
        push(long(u32()));
        break;
      case 0x47: // BINFLOAT, big-endian
        push(view.getFloat64(take(8), false));
        break;
      case 0x8c: // SHORT_BINUNICODE
        push(text(u8()));
        break;
      case 0x58: // BINUNICODE
        push(text(u32()));
        break;
      case 0x8d: // BINUNICODE8
        push(text(u64()));
        break;
      case 0x55: // SHORT_BINSTRING
        push(latin1(u8()));
        break;
      case 0x54: // BINSTRING
        push(latin1(u32()));
        break;
      case 0x43: // SHORT_BINBYTES
        push(raw(u8()).slice());
        break;
      case 0x42: // BINBYTES
        push(raw(u32()).slice());
        break;

      case 0x28: // MARK
        marks.push(stack);
        stack = [];
        break;
      case 0x30: // POP
        pop();
        break;
      case 0x31: // POP_MARK
        popMark();
        break;
      case 0x29: // EMPTY_TUPLE
      case 0x5d: // EMPTY_LIST
        push([]);
        break;
      case 0x7d: // EMPTY_DICT
        push(new Map());
        break;
      case 0x74: // TUPLE
      case 0x6c: // LIST
        push(popMark());
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        push(popMany(opcode - 0x84));
        break;
      case 0x61: // APPEND
        append(popMany(1));
        break;
      case 0x65: // APPENDS
        append(popMark());
        break;
      case 0x73: // SETITEM
        setItems(popMany(2));
        break;
      case 0x75: // SETITEMS
        setItems(popMark());
        break;

      case 0x71: // BINPUT
        memo.set(u8(), top());
        break;
      case 0x72: // LONG_BINPUT
        memo.set(u32(), top());
        break;
      case 0x94: // MEMOIZE
        memo.set(memo.size, top());
        break;
      case 0x68: // BINGET
        recall(u8());
        break;
      case 0x6a: // LONG_BINGET
        recall(u32());
        break;

      case 0x63: // GLOBAL
        push(host.global(line(), line()));
        break;
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = popMany(2);
        if (typeof module !== "string" || typeof name !== "string")
          return invalid("a pickle with a global that has no name");
        push(host.global(module, name));
        break;
      }
      case 0x51: // BINPERSID
        push(host.persistent(pop()));
        break;
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        call();
        break;
      case 0x62: {
        // BUILD
        const state = pop();
        host.build(top(), state);
        break;
      }
      default:
        invalid(`a pickle with operation 0x${opcode.toString(16).padStart(2, "0")}, which no state dict needs`);
    }
  }
  return invalid(`a pickle of more than ${MAX_STEPS} operations`);
}
