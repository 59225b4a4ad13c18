// How large the runtimes are. The build measures them (vite.config.ts), so that another version of ONNX Runtime brings its own numbers.

interface RuntimeSize {
  /** Bytes of the unpacked file, which a server's content-length is not of. */
  readonly bytes: number;
  /** About what comes over the wire: gzip's. */
  readonly packed: number;
}

declare const __RUNTIME_SIZES__: { readonly wasm: RuntimeSize; readonly webgpu: RuntimeSize };

export const RUNTIME_SIZES = __RUNTIME_SIZES__;
