// How a program asks the same question: over the API where the page has one, else with the model file itself.

export interface Snippet {
  readonly title: string;
  readonly code: string;
}

/**
 * @param url the API's absolute address, with a slash at the end
 * @param isOurs whether it is `ballsight serve`, which has more than Gradio's protocol
 */
export function apiSnippets(url: string, isOurs: boolean): Snippet[] {
  return [
    {
      title: "curl",
      code: isOurs
        ? `curl ${url}v1/predict -H 'content-type: image/jpeg' --data-binary @photo.jpg`
        : `path=$(curl -s ${url}gradio_api/upload -F files=@photo.jpg | cut -d'"' -f2)
photo='{"path": "'$path'", "meta": {"_type": "gradio.FileData"}}'
event=$(curl -s ${url}gradio_api/call/predict -H 'content-type: application/json' -d "{\\"data\\": [$photo]}" | cut -d'"' -f4)
curl -sN ${url}gradio_api/call/predict/$event`,
    },
    {
      title: "JavaScript",
      code: `import { Client } from "@gradio/client";

const photo = await (await fetch("photo.jpg")).blob();
const app = await Client.connect("${url}");
const { data } = await app.predict("/predict", { image: photo });
console.log(data[0].label, data[0].confidences);`,
    },
    {
      title: "Python",
      code: `from gradio_client import Client, handle_file

client = Client("${url}")
answer = client.predict(handle_file("photo.jpg"), api_name="/predict")
print(answer["label"], answer["confidences"])`,
    },
  ];
}

/** @param url the model file's absolute address */
export function modelSnippets(url: string, labels: readonly string[]): Snippet[] {
  const names = JSON.stringify(labels);
  return [
    {
      title: "curl",
      code: `curl -o model.onnx '${url}'
npx ballsight predict photo.jpg --model model.onnx`,
    },
    {
      title: "JavaScript",
      code: `import * as ort from "onnxruntime-web";

const labels = ${names};
const bitmap = await createImageBitmap(photo); // a File or Blob
const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
context.drawImage(bitmap, 0, 0);
const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
const rgb = data.filter((_, i) => i % 4 !== 3);
const image = new ort.Tensor("uint8", new Uint8Array(rgb), [1, bitmap.height, bitmap.width, 3]);
const session = await ort.InferenceSession.create("${url}");
const { probabilities } = await session.run({ image });
console.log(labels[probabilities.data.indexOf(Math.max(...probabilities.data))]);`,
    },
    {
      title: "Python",
      code: `import numpy, onnxruntime, PIL.Image, PIL.ImageOps

labels = ${names}
session = onnxruntime.InferenceSession("model.onnx")  # the file that curl fetches
photo = PIL.ImageOps.exif_transpose(PIL.Image.open("photo.jpg")).convert("RGB")
probabilities = session.run(["probabilities"], {"image": numpy.asarray(photo)[None]})[0][0]
print(labels[probabilities.argmax()], probabilities.max())`,
    },
  ];
}
