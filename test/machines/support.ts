/**
 * Tables of machines: every state that can be reached by some events, then every event in it, with the state and
 * context that must follow. What is not in a table's row must change nothing. Each state that is reached is also
 * persisted, taken through JSON and taken up again: it must answer in the same way.
 */
import type { Test } from 'tap'
import { type AnyStateMachine, createActor, type Snapshot } from 'xstate'

export interface Expected {
  readonly value: string
  readonly context: object
}

export interface StateTable<Event> {
  readonly name: string
  readonly input?: unknown
  /** Events that lead here from the start. */
  readonly path: readonly Event[]
  /** Where they lead. */
  readonly at: Expected
  /** What follows which event; null where the event changes nothing. */
  readonly on: readonly (readonly [event: Event, next: Expected | null])[]
}

/** @param events the types of all events; each row must have them all */
export function checkMachine<Event extends { readonly type: string }>(
  t: Test,
  machine: AnyStateMachine,
  events: readonly Event['type'][],
  tables: readonly StateTable<Event>[],
): void {
  for (const { name, input, path, at, on } of tables) {
    t.test(name, (t) => {
      t.strictSame([...new Set(on.map(([event]) => event.type))].sort(), [...events].sort(), 'every event is tried')
      const reach = (snapshot?: Snapshot<unknown>) => {
        const actor = createActor(machine, { input, snapshot })
        actor.start()
        if (snapshot === undefined) for (const event of path) actor.send(event)
        return actor
      }
      const reached = reach()
      t.strictSame(show(reached.getSnapshot()), at)
      const persisted = reached.getPersistedSnapshot()
      const texts = isJson(at.context) ? JSON.parse(JSON.stringify(persisted)) : structuredClone(persisted)
      t.strictSame(show(reach(texts).getSnapshot()), at, 'taken up again')
      for (const [event, next] of on) {
        const said = `${event.type}${next === null ? ' changes nothing' : ` leads to ${next.value}`}`
        for (const snapshot of [undefined, texts]) {
          const actor = reach(snapshot)
          actor.send(event)
          t.strictSame(show(actor.getSnapshot()), next ?? at, snapshot === undefined ? said : `${said}, taken up again`)
        }
      }
      t.end()
    })
  }
}

const show = ({ value, context }: { value: unknown; context: object }) => ({ value, context: { ...context } })

const isJson = (context: object): boolean =>
  Object.values(context).every((value) => typeof value !== 'number' || Number.isFinite(value))
