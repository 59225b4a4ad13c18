// Answers as Gradio's Label component has them.

import type { Prediction } from "@ballsight/vision";

export interface Label {
  readonly label: string;
  /** Best first. */
  readonly confidences: readonly { readonly label: string; readonly confidence: number }[];
}

export function labelOf(prediction: Prediction): Label {
  const confidences = prediction.top(prediction.labels.length).map(({ label, confidence }) => ({
    label,
    // float32 has seven digits: what lies beyond is noise.
    confidence: Number(confidence.toFixed(6)),
  }));
  return { label: confidences[0]?.label ?? "", confidences };
}

/** @param seconds that it took */
export function envelope(label: Label, seconds: number) {
  return {
    data: [label],
    is_generating: false,
    duration: seconds,
    average_duration: seconds,
    render_config: null,
    changed_state_ids: [],
  };
}
