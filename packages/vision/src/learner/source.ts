// Where the learner's photos come from. The command line implements it on files; tests and browsers may do it in memory.

export interface PhotoSource {
  readonly classes: readonly string[];
  /** Class index per photo. */
  readonly targets: Int32Array;
  readonly cacheSize: number;
  /** Width / height of each original photo. */
  readonly aspects: Float32Array;
  /** Squished squares, uint8 [n, cacheSize, cacheSize, 3]. */
  read(indices: readonly number[]): Promise<Uint8Array>;
  /** What the served model would see after resize and crop, uint8 [n, size, size, 3]. */
  readForEvaluation(indices: readonly number[]): Promise<Uint8Array>;
}
