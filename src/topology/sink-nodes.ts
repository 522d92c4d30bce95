/** Where rows leave a topology. */
import { check } from '../base/given.ts'
import { type Duration, micros } from '../base/time.ts'
import { fieldOf } from '../records/schema.ts'
import type { SinkConnector } from './connector.ts'
import { aSink } from './given.ts'
import { type Node, newNode, type SinkNode } from './graph.ts'

export function fileNode(input: Node, connector: SinkConnector): SinkNode {
  check('to', aSink, connector, 'where rows go')
  for (const column of connector.columns ?? []) fieldOf(input.schema, column)
  return {
    ...newNode(input.schema),
    kind: 'sink',
    inputs: [input],
    name: connector.path,
    connector,
    retention: null,
  }
}

/** @param retention how long rows are kept for the program to read; undefined for ever */
export const outputNode = (input: Node, name: string, retention: Duration | undefined): SinkNode => ({
  ...newNode(input.schema),
  kind: 'sink',
  inputs: [input],
  name,
  connector: null,
  retention: retention === undefined ? null : micros(retention),
})
