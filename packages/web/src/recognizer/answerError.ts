// An error that a person is shown as it is.

export class AnswerError extends Error {
  override readonly name = "AnswerError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
