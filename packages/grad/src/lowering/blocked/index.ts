// The blocked target's rules. Whatever has none here falls back to the plain rule, with reorders at the borders.

import type { RuleTable } from "../context.ts";
import { activationRules } from "./activation.ts";
import { basicRules } from "./basic.ts";
import { channelRules } from "./channels.ts";
import { convRules } from "./conv.ts";
import { exciteRules } from "./excite.ts";
import { filterRules } from "./filter.ts";
import { inputGradRules } from "./inputGrad.ts";
import { layerNormRules } from "./layerNorm.ts";
import { normRules } from "./norm.ts";
import { poolRules } from "./pool.ts";
import { weightGradRules } from "./weightGrad.ts";

export const BLOCKED_RULES: RuleTable = new Map([
  ...basicRules,
  ...activationRules,
  ...convRules,
  ...inputGradRules,
  ...weightGradRules,
  ...filterRules,
  ...normRules,
  ...layerNormRules,
  ...exciteRules,
  ...channelRules,
  ...poolRules,
]);
