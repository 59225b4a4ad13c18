// The blocked target's rules. Whatever has none here falls back to the plain rule, with reorders at the borders.

import type { RuleTable } from "../context.ts";
import { activationRules } from "./activation.ts";
import { basicRules } from "./basic.ts";
import { convRules } from "./conv.ts";
import { convGradRules } from "./convGrad.ts";
import { filterRules } from "./filter.ts";
import { normRules } from "./norm.ts";

export const BLOCKED_RULES: RuleTable = new Map([
  ...basicRules,
  ...activationRules,
  ...convRules,
  ...convGradRules,
  ...filterRules,
  ...normRules,
]);
