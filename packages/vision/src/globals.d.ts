// What every JavaScript host has, but no ES library declares.
declare const performance: { now(): number };
