export interface Preprocess {
  size: number;
  resize: number;
  mean: readonly number[];
  std: readonly number[];
}
