/** Where rows leave a topology. */
import { type Duration, micros } from '../base/time.ts'
import type { SinkConnector } from './connector.ts'
import { type Node, newNode, type SinkNode } from './graph.ts'

export const fileNode = (input: Node, connector: SinkConnector): SinkNode => ({
  ...newNode(input.schema),
  kind: 'sink',
  inputs: [input],
  name: connector.path,
  connector,
  retention: null,
})

/** @param retention how long rows are kept for the program to read; undefined for ever */
export const outputNode = (input: Node, name: string, retention: Duration | undefined): SinkNode => ({
  ...newNode(input.schema),
  kind: 'sink',
  inputs: [input],
  name,
  connector: null,
  retention: retention === undefined ? null : micros(retention),
})
