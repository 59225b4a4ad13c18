// Every error that a user can see: code, message template, HTTP status. docs/errors.md lists the same table; a test compares them.

/**
 * Sentence form: expected X for `name` but received Y; what to do. `{value}` is filled in by `fail`.
 * The status is what the server answers; the command line shows the message alone.
 */
export const ERRORS = {
  // Photos and files
  FILE_NOT_FOUND: { status: 404, message: "expected a file for `{name}` but nothing is there; check the path" },
  IS_A_FOLDER: { status: 400, message: "expected a file for `{name}` but received a folder; name a file inside it" },
  FILE_NOT_READABLE: {
    status: 403,
    message: "expected a readable file for `{name}` but received {reason}; check its permissions",
  },
  EMPTY_FILE: { status: 400, message: "expected content in `{name}` but received 0 bytes; copy or download it again" },
  NOT_AN_IMAGE: {
    status: 415,
    message: "expected a photo for `{name}` but received {received}; use JPEG, PNG, WebP, AVIF, GIF or TIFF",
  },
  IMAGE_TRUNCATED: {
    status: 422,
    message: "expected a whole photo for `{name}` but received a damaged one ({reason}); copy or download it again",
  },
  IMAGE_TOO_LARGE: {
    status: 413,
    message: "expected at most {limit} pixels for `{name}` but received {width} x {height}; scale it down first",
  },
  IMAGE_TOO_NARROW: {
    status: 422,
    message: "expected sides of at most {limit} to 1 for `{name}` but received {width} x {height}; crop it first",
  },
  FILE_TOO_LARGE: {
    status: 413,
    message: "expected at most {limit} bytes for `{name}` but received {received}; scale or compress it first",
  },
  IMAGE_UNSUPPORTED: {
    status: 415,
    message: "expected a photo for `{name}` but received {kind}, which is not read; convert it to JPEG or PNG",
  },
  NO_PHOTOS: {
    status: 400,
    message: "expected at least one photo in `{name}` but found none; name a photo or a folder with photos in it",
  },

  // Models and weights
  MODEL_NOT_FOUND: { status: 404, message: "expected a model file for `{name}` but nothing is there; check the path" },
  MODEL_INVALID: {
    status: 422,
    message:
      "expected a Ballsight model (.onnx) for `{name}` but received {received}; export one with `ballsight train`",
  },
  MODEL_INCOMPATIBLE: {
    status: 422,
    message: "expected a model with {expected} for `{name}` but received {received}; export it again with this version",
  },
  WEIGHTS_INVALID: {
    status: 422,
    message: "expected a weights file (safetensors or PyTorch) for `{name}` but received {received}; download it again",
  },
  WEIGHTS_UNSAFE: {
    status: 422,
    message:
      "expected tensors and plain values in `{name}` but received {received}; nothing of it was executed, save the state_dict alone or get the file elsewhere",
  },
  WEIGHTS_SHAPE: {
    status: 422,
    message:
      "expected shape {expected} for `{parameter}` but received {received} from `{name}`; use weights of this architecture",
  },
  WEIGHTS_MISSING: {
    status: 404,
    message: "expected the weights of `{name}` at {path} but nothing is there; get the file from {source}",
  },
  WEIGHTS_DOWNLOAD: {
    status: 502,
    message:
      "expected the weights of `{name}` from {url} but received {received}; try again, or put the file at {path}",
  },
  WEIGHTS_HASH: {
    status: 422,
    message:
      "expected a file whose SHA-256 starts with {expected} for `{name}` but received {received}; it was left out, get it again from {source}",
  },
  WEIGHTS_NOT_WRITABLE: {
    status: 403,
    message:
      "expected a writable folder for the weights of `{name}` but received {path} ({reason}); name another in BALLSIGHT_WEIGHTS",
  },
  UNKNOWN_ARCHITECTURE: {
    status: 400,
    message: "expected a known architecture for `{option}` but received `{received}`; {advice}",
  },

  // Data sets
  DATA_NOT_A_FOLDER: {
    status: 400,
    message: "expected a folder of class folders for `{name}` but received {received}; see docs/train.md",
  },
  DATA_ONE_CLASS: {
    status: 422,
    message:
      "expected at least two class folders in `{name}` but found {received}; put each class into a folder of its own",
  },
  DATA_EMPTY_CLASS: {
    status: 422,
    message: "expected photos in class folder `{name}` but found none; add photos or take the folder out",
  },
  DATA_TOO_FEW: {
    status: 422,
    message: "expected at least {least} photos in `{name}` but found {received}; {advice}",
  },
  DATA_CLASSES_UNKNOWN: {
    status: 422,
    message:
      "expected class folders named like the model's labels ({expected}) in `{name}` but found {received}; rename the folders or name another model",
  },
  DATA_CHANGED: {
    status: 409,
    message:
      "expected the photos of run `{run}` in `{name}` but received others ({received}, not {expected}), added, changed or removed; undo it or start a new run",
  },
  DATA_BUSY: {
    status: 409,
    message:
      "expected a folder that nobody changes for `{name}` but received {received}; wait, or delete `{lock}` if that is over",
  },
  DATA_NOT_WRITABLE: {
    status: 403,
    message: "expected a folder that can be changed for `{name}` but received {received}; check its permissions",
  },
  NOT_IN_TRASH: {
    status: 404,
    message:
      "expected a photo in the trash of `{data}` for `{name}` but found none; `ballsight restore --list` names them",
  },
  RESTORE_BLOCKED: {
    status: 409,
    message: "expected nothing at `{name}` but another photo is there; move it, `{place}` stays where it is until then",
  },

  // Collections
  COLLECT_FOLDER: {
    status: 409,
    message:
      "expected a new folder or a data set (class folders, metadata.jsonl) for `{name}` but received {received}; name another with --out",
  },
  LEDGER_INVALID: {
    status: 422,
    message: "expected the ledger of a collection in `{name}` but received {received}; move it away to begin anew",
  },
  SOURCE_STOPPED: {
    status: 503,
    message: "expected photos of `{name}` but received {received}; {advice}",
  },

  // Sites and Spaces
  SITE_FOLDER: {
    status: 409,
    message:
      "expected a new folder, or one that this command wrote, for `{name}` but received {received}; name another with --out",
  },
  PAGE_NOT_BUILT: {
    status: 500,
    message: "expected the built page in `{name}` but it is not there; run `npm run build` first",
  },

  // Runs and training
  RUN_EXISTS: {
    status: 409,
    message:
      "expected a new folder for `{name}` but a run is there; continue it with --resume or name another with --out",
  },
  RUN_NOT_FOUND: {
    status: 404,
    message: "expected a run to continue in `{name}` but found no checkpoint; start it without --resume",
  },
  RUN_NOT_WRITABLE: {
    status: 403,
    message: "expected a writable folder for `{name}` but received {reason}; name another with {option}",
  },
  DISK_FULL: {
    status: 507,
    message: "expected {expected} bytes free for `{name}` but the disk has {received}; make room or name another place",
  },
  CHECKPOINT_INVALID: {
    status: 422,
    message: "expected a checkpoint of this program in `{name}` but received {received}; start a new run",
  },
  CONFIG_MISMATCH: {
    status: 409,
    message:
      "expected {expected} for `{option}`, as run `{name}` was started, but received {received}; leave it away or start a new run",
  },
  BAD_OPTION: { status: 400, message: "expected {expected} for `{option}` but received {received}; correct the value" },
  RUNTIME_FAILED: {
    status: 500,
    message: "expected ONNX Runtime to {task} but it failed: {reason}; please report it with the command that led here",
  },
  LOSS_NOT_FINITE: {
    status: 422,
    message:
      "expected a finite loss at step {step} of {phase} epoch {epoch} but received {received}; lower the learning rate",
  },
  TRAINING_ENDED: {
    status: 500,
    message:
      "expected the training of `{name}` to finish but its process ended with {reason}; go on with --resume, or train it alone to see more",
  },
  INTERRUPTED: { status: 503, message: "expected to finish {task} but was interrupted; {advice}" },
  INTERNAL: {
    status: 500,
    message: "expected no fault of this program but received {reason}; please report it with the command that led here",
  },

  // Serving
  REQUEST_INVALID: {
    status: 400,
    message: "expected {expected} for `{name}` but received {received}; /docs of the server says what is read",
  },
  MEDIA_TYPE_UNKNOWN: {
    status: 415,
    message: "expected {expected} as content-type but received {received}; /docs of the server says what is read",
  },
  ROUTE_UNKNOWN: {
    status: 404,
    message: "expected a path of this server but received {received}; /docs of the server lists them",
  },
  METHOD_WRONG: {
    status: 405,
    message: "expected {expected} for `{name}` but received {received}; /docs of the server lists what there is",
  },
  UPLOAD_UNKNOWN: {
    status: 404,
    message:
      "expected a path that this server's upload gave out a short while ago for `{name}` but received another; upload the photo again",
  },
  UPLOAD_FAILED: {
    status: 400,
    message: "expected a photo for `{name}` but received {received}; the upload failed, or was over {limit} bytes",
  },
  URL_REFUSED: {
    status: 403,
    message: "expected a photo for `{name}` but received a URL that is not fetched ({reason}); upload the photo itself",
  },
  URL_FAILED: {
    status: 502,
    message: "expected a photo at the URL for `{name}` but received {received}; upload the photo itself",
  },
  MODEL_UNKNOWN: {
    status: 404,
    message: "expected model `{expected}` but received `{received}`; /v1/models lists what is served",
  },
  SERVER_BUSY: {
    status: 503,
    message: "expected room in the queue but {limit} {what} are waiting already; try again in {seconds} s",
  },
  RATE_LIMITED: {
    status: 429,
    message: "expected at most {limit} photos a minute from one client but received more; try again in {seconds} s",
  },
  DEADLINE_PASSED: {
    status: 504,
    message: "expected an answer for `{name}` within {seconds} s but none was ready; try again later",
  },
  WORKER_LOST: {
    status: 503,
    message:
      "expected an answer for `{name}` but its worker ended ({reason}); other photos are not affected, try again",
  },
  SERVER_STOPPING: {
    status: 503,
    message: "expected a server that runs but this one is about to stop; try again in a moment",
  },
  CLIENT_LEFT: {
    status: 499,
    message: "expected to answer for `{name}` but the client left or cancelled it; nothing is to be done",
  },
  PORT_NOT_FREE: {
    status: 409,
    message: "expected a free port for `{name}` but {reason}; name another with --port",
  },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof ERRORS;

type Placeholder<Template extends string> = Template extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never;

/** The values that the message of an error needs. */
export type ErrorValues<Code extends ErrorCode> = Readonly<
  Record<Placeholder<(typeof ERRORS)[Code]["message"]>, string | number>
>;

export interface FailOptions {
  /** What was caught, kept for whoever debugs. */
  readonly cause?: unknown;
  /** Plain data for machines beyond the message's own values. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error with a code from the table. `details` holds the message's values and whatever the thrower added, as plain data. */
export class BallsightError extends Error {
  override readonly name = "BallsightError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, values: Readonly<Record<string, string | number>>, options: FailOptions = {}) {
    super(fill(ERRORS[code].message, values), "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.status = ERRORS[code].status;
    this.details = { ...values, ...options.details };
  }

  /** What `--json` and the server print. */
  toJSON(): { code: ErrorCode; message: string } {
    return { code: this.code, message: this.message };
  }
}

/**
 * Throws the error of that code.
 * @example fail("BAD_OPTION", { option: "epochs", expected: "a whole number from 1", received: "-3" })
 */
export function fail<Code extends ErrorCode>(code: Code, values: ErrorValues<Code>, options?: FailOptions): never {
  throw new BallsightError(code, values, options);
}

function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => oneLine(String(values[name])));
}

// File names come from strangers: a line break or an escape sequence in one must not reach the terminal.
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
