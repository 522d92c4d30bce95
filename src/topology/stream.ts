/**
 * Streams: what users chain. Each call adds a node and returns a new stream whose row type follows, so that a wrong
 * field name or type does not compile. Nothing runs until the topology is started.
 *
 * Either kind makes the other; it is imported from here, so that the one that extends the other is loaded behind it.
 */
export { KeyedStream } from './keyed-stream.ts'
export { type Output, Stream } from './plain-stream.ts'
