// Gradio's own clients, of 2023 and of today, in Node against a real port.

import type { RunningServer } from "@ballsight/server";
import { Client } from "@gradio/client";
import { client as client2023 } from "gradio-client-2023";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Colour, dataUrl, png, startToy } from "../helpers/toyServer.ts";

interface Label {
  label: string;
  confidences: { label: string; confidence: number }[];
}

let server: RunningServer;

beforeAll(async () => {
  server = await startToy({ maxBytes: 100_000 });
});
afterAll(async () => {
  await server?.close();
});

const first = (result: { data: unknown }): Label => (result.data as Label[])[0] as Label;

describe("@gradio/client 2.7.0", () => {
  test("predicts a Blob, a File, a Buffer and a data URL, one after the other and together", async () => {
    const app = await Client.connect(server.url);
    const photos = { Red: await png("Red"), Green: await png("Green"), Blue: await png("Blue") };
    const blob = (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes], { type: "image/png" });

    expect(first(await app.predict("/predict", [blob(photos.Red)])).label).toBe("Red");
    expect(first(await app.predict("/predict", { image: blob(photos.Green) })).label).toBe("Green");
    expect(first(await app.predict("/predict", [new File([photos.Blue], "b.png")])).label).toBe("Blue");
    expect(first(await app.predict("/predict", [Buffer.from(photos.Red)])).label).toBe("Red");
    expect(first(await app.predict("/predict", [dataUrl(photos.Green)])).label).toBe("Green");
    expect(first(await app.predict(0, [{ url: dataUrl(photos.Blue), meta: { _type: "gradio.FileData" } }])).label).toBe(
      "Blue",
    );

    const wanted: Colour[] = Array.from({ length: 24 }, (_, i) => (["Red", "Green", "Blue"] as const)[i % 3] as Colour);
    const answers = await Promise.all(wanted.map((colour) => app.predict("/predict", [blob(photos[colour])])));
    expect(answers.map((answer) => first(answer).label)).toEqual(wanted);

    const { confidences } = first(answers[0] as { data: unknown });
    expect(confidences.map(({ label }) => label).sort()).toEqual(["Blue", "Green", "Red"]);
    expect(confidences.reduce((sum, { confidence }) => sum + confidence, 0)).toBeCloseTo(1, 4);
    app.close();
  });

  test("is told what is wrong, and goes on", async () => {
    const app = await Client.connect(server.url);
    const text = new Blob(["no photo at all"], { type: "image/png" });
    await expect(app.predict("/predict", [text])).rejects.toMatchObject({
      message: expect.stringMatching(/a text file/),
    });
    // Its own reaction to a refused upload is to send an empty object.
    const large = new Blob([new Uint8Array(300_000)]);
    await expect(app.predict("/predict", [large])).rejects.toMatchObject({
      message: expect.stringMatching(/upload failed/),
    });
    expect(first(await app.predict("/predict", [new Blob([await png("Red")])])).label).toBe("Red");
    app.close();
  });

  test("sees the API", async () => {
    const app = await Client.connect(server.url);
    const api = await app.view_api();
    expect(Object.keys(api.named_endpoints)).toEqual(["/predict"]);
    app.close();
  });
});

describe("@gradio/client 0.1.4", () => {
  test("predicts a data URL and a Blob", async () => {
    const app = await client2023(server.url, {});
    const photo = await png("Blue");
    expect(first((await app.predict("/predict", [dataUrl(photo)])) as { data: unknown }).label).toBe("Blue");
    expect(first((await app.predict(0, [dataUrl(await png("Red"))])) as { data: unknown }).label).toBe("Red");
    // In Node it sends bare base64.
    expect(first((await app.predict("/predict", [new Blob([photo])])) as { data: unknown }).label).toBe("Blue");
  });

  test("is told what is wrong", async () => {
    const app = await client2023(server.url, {});
    const wrong = app.predict("/predict", [dataUrl(Buffer.from("no photo"))]);
    await expect(wrong).rejects.toMatchObject({ message: expect.stringMatching(/a text file/) });
  });
});
