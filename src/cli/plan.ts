/** `umbel plan`: what a topology becomes: stages, edges with their bounds, and why state is kept. */

import { loadTopology, moduleUrl } from '../actors/load-topology.ts'
import { checkSizes } from '../actors/start-options.ts'
import { durationText } from '../base/time.ts'
import { type ExplainedInput, type ExplainedNode, explain } from '../topology/explain.ts'
import { plan as planOf } from '../topology/plan.ts'
import { print } from './print.ts'

interface PlanOptions {
  readonly export: string
  readonly shards?: number
  readonly json?: boolean
}

export async function plan(module: string, { export: name, shards, json }: PlanOptions): Promise<void> {
  const topology = await loadTopology(moduleUrl(module), name)
  const stages = explain(planOf(topology, checkSizes({ shards }).parallelism))
  if (json)
    return print(JSON.stringify({ topology: topology.name, stages }, (_, value) => (value === Infinity ? null : value)))
  print(`${topology.name}: ${stages.length} stages. B is how much older than the watermark W a row may be.`)
  for (const { stage, shards: count, inputs, nodes } of stages) {
    print(`\n${stage}   ${count === 1 ? 'one shard' : `${count} shards`}`)
    for (const input of inputs) print(`  from ${inputText(input)}`)
    for (const node of nodes) for (const line of nodeLines(node)) print(`  ${line}`)
  }
}

function inputText({ from, keys, isBroadcast, bound }: ExplainedInput): string {
  const how = isBroadcast ? ', all rows to every shard' : keys === null ? '' : ` by ${keys.join(', ')}`
  return `${from}${how}, B ${durationText(bound)}`
}

function nodeLines({ operator, retracts, keeps }: ExplainedNode): string[] {
  const line = `- ${operator}${retracts ? '; takes rows back' : ''}`
  return keeps === null ? [line] : [line, `    keeps ${keeps}`]
}
