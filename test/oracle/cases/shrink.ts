/** Smaller cases than a given one: candidates, in the order in which they are worth a try. */
import { type Case, inputsOf, type Step } from './case.ts'

export function* smaller(one: Case): Iterable<Case> {
  if (one.faults > 0) yield { ...one, faults: 0 }
  if (one.isOnKafka) yield { ...one, isOnKafka: false }
  if (one.hosts > 1) yield { ...one, hosts: 1 }
  if (one.shards > 1) yield { ...one, shards: 1 }
  for (let s = one.steps.length - 1; s >= 0; s--) {
    const steps = without(one.steps, s)
    if (steps !== null) yield { ...one, steps }
  }
  for (const [s, step] of one.steps.entries()) {
    if (step.op !== 'source') continue
    for (let size = step.rows.length >> 1; size > 0; size >>= 1)
      for (let from = 0; from < step.rows.length; from += size) {
        const rows = step.rows.filter((_, i) => i < from || i >= from + size)
        if (rows.length > 0) yield { ...one, steps: one.steps.with(s, { ...step, rows }) }
      }
  }
}

/** Null where something is made of the step. */
function without(steps: readonly Step[], gone: number): readonly Step[] | null {
  if (steps.length === 1 || steps.some((step) => inputsOf(step).includes(gone))) return null
  const renumbered = (at: number) => (at > gone ? at - 1 : at)
  return steps.flatMap((step, s) => {
    if (s === gone) return []
    return [step.op === 'source' ? step : ({ ...step, inputs: step.inputs.map(renumbered) } as unknown as Step)]
  })
}
