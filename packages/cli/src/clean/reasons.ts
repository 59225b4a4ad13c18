// Why a picture is called bad, in words and with the figure.

import type { QualityCheck } from "@ballsight/vision";
import type { PhotoLook } from "./look.ts";

type Figures = Omit<PhotoLook, "pixels" | "grey" | "orientation" | "exif">;

const REASONS: Readonly<Record<QualityCheck, (photo: Figures) => string>> = {
  dark: ({ brightness }) => `dark: 99 % of it is below ${share(brightness[4])} brightness`,
  light: ({ brightness }) => `nearly white: 95 % of it is above ${share(brightness[1])} brightness`,
  blurred: () => "blurred, or without any edges",
  "low-information": ({ entropy }) => `hardly any content: ${entropy.toFixed(1)} bits per value`,
  grey: () => "without colour",
  "odd-aspect": ({ width, height }) => `${width} x ${height}: a strip`,
  "odd-size": ({ width, height }) => `${width} x ${height}: far from the usual size here`,
  drawn: ({ shaded, colours }) =>
    `drawn, not photographed: ${share(1 - shaded)} of what is on its ground is flat, in ${colours} colours`,
  collage: ({ seam }) => `several pictures in one: a straight line runs along ${share(seam)} of its whole length`,
  border: ({ border }) => `in a frame or between bars: ${share(border)} of its area`,
  text: ({ lettering }) => `a line of letters over ${share(lettering)} of its width`,
};

export function qualityReason(check: QualityCheck, photo: Figures): string {
  return REASONS[check](photo);
}

const share = (value: number) => `${Math.round(value * 100)} %`;
