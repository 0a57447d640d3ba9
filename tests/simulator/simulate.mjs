// Reads a list of simulations from standard input, and writes what came of each.
import { readFileSync } from "node:fs";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const outcomes = [];
for (const simulation of JSON.parse(readFileSync(0, "utf8"))) {
  const { resultType, overallResult, errors } = await runSimulation(simulation, {});
  outcomes.push(resultType === "error" ? { error: errors } : { allowed: overallResult === "Allowed" });
}
process.stdout.write(JSON.stringify(outcomes));
