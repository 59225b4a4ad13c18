// What Gradio's clients ask first: which functions there are, and what goes in and out of them.

/** The least that clients from 2023 to today agree on; see each key's note. */
export function gradioConfig(maxBytes: number, appId: string) {
  return {
    // Clients of 2023 want 3.30 or later, Python's 4.29: else they ask a helper on another host.
    version: "6.25.0",
    api_prefix: "/gradio_api",
    protocol: "sse_v3",
    enable_queue: true,
    mode: "blocks",
    app_id: appId,
    title: "Ballsight",
    // Else today's client keeps a record of runs in the browser.
    run_history: false,
    space_id: process.env.SPACE_ID ?? null,
    max_file_size: maxBytes,
    components: [
      { id: 1, type: "image", props: { label: "image", name: "image" } },
      { id: 2, type: "label", props: { label: "label", name: "label" } },
    ],
    dependencies: [
      // No `queue`: with it clients of 2023 open a WebSocket. No `root` either: clients then use the URL that they were given.
      {
        id: 0,
        api_name: "predict",
        inputs: [1],
        outputs: [2],
        targets: [],
        backend_fn: true,
        api_visibility: "public",
      },
    ],
  };
}

/** No key beside these two: clients of 2023 go through all and stumble over others. */
export const GRADIO_INFO = {
  named_endpoints: {
    "/predict": {
      parameters: [
        {
          label: "image",
          parameter_name: "image",
          parameter_has_default: false,
          parameter_default: null,
          type: { type: "object", title: "ImageData" },
          python_type: { type: "filepath", description: "" },
          component: "Image",
          example_input: { path: "https://example.org/ball.jpg", meta: { _type: "gradio.FileData" } },
        },
      ],
      returns: [
        {
          label: "label",
          type: { type: "object", title: "LabelData" },
          python_type: {
            type: "dict(label: str | int | float | None, confidences: list[dict(label: str | int | float | None, confidence: float | None)] | None)",
            description: "",
          },
          component: "Label",
        },
      ],
      api_visibility: "public",
      description: "Names what is in a photo.",
    },
  },
  unnamed_endpoints: {},
} as const;
