// The plain target's rules: every op of floor 1, as standard ONNX.

import type { RuleTable } from "../context.ts";
import { activationRules } from "./activation.ts";
import { basicRules } from "./basic.ts";
import { convRules } from "./conv.ts";
import { exciteRules } from "./excite.ts";
import { layerNormRules } from "./layerNorm.ts";
import { normRules } from "./norm.ts";
import { poolRules } from "./pool.ts";
import { sampleRules } from "./sample.ts";

export const PLAIN_RULES: RuleTable = new Map([
  ...basicRules,
  ...activationRules,
  ...convRules,
  ...normRules,
  ...layerNormRules,
  ...exciteRules,
  ...poolRules,
  ...sampleRules,
]);
