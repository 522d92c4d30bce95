/** Stands around the calls of a user's functions in one operator of a stage: turns rows away, or says of which row the run fails. */
import { type Activity, LeftOut } from '../base/activity.ts'
import { UmbelError, userError } from '../base/errors.ts'
import { isoTime } from '../base/time.ts'
import { rowToJson } from '../connectors/row-json.ts'
import { type Given, type Guard, isOfRow } from '../operators/user-code.ts'
import type { Value } from '../records/column.ts'
import { placeInSplit } from '../records/origin.ts'
import type { Retry } from '../recovery/retries.ts'
import type { PlannedNode, PlannedShard, PlannedStage } from '../topology/plan.ts'
import type { Letter } from './refusals.ts'

/** Of a row in an error, more would hide the error. */
const ROW_CHARS = 300

export interface StageGuardOptions {
  readonly stage: PlannedStage
  readonly shard: Pick<PlannedShard, 'index' | 'cell'>
  readonly planned: PlannedNode
  readonly activity: Activity
  /** By the topology's policy: rows on which a function throws are turned away, and the run goes on. */
  readonly mayRefuse: boolean
  readonly refuse: (letter: Letter) => void
  /** The dead letter that is being taken once more; null where none is. */
  readonly retried: () => Pick<Retry, 'split' | 'offset'> | null
}

type Place = Pick<Letter, 'split' | 'offset' | 'epoch' | 'call'>

export class StageGuard implements Guard {
  readonly #options: StageGuardOptions
  readonly mayRefuse: boolean

  constructor(options: StageGuardOptions) {
    this.#options = options
    this.mayRefuse = options.mayRefuse
  }

  call(): void {
    this.#options.activity.call()
  }

  refuse(given: Given, thrown: unknown): void {
    const { planned } = this.#options
    if (thrown instanceof LeftOut) {
      // A trial says nothing of what it leaves out.
      if (thrown.skipped !== null) this.#turnAway(given, 'killed', thrown.skipped)
      return
    }
    if (!isOfRow(thrown)) throw thrown
    if (!this.mayRefuse) throw this.#failure(given, thrown)
    this.#turnAway(given, 'threw', describe(thrown), planned)
  }

  #turnAway(
    given: Given,
    kind: 'killed' | 'threw',
    { reason, stack }: { reason: string; stack: string | null },
    planned = this.#options.planned,
  ): void {
    // Rows of equal time that correct themselves are told apart by where they come from, which a retry cannot give back.
    const hasPlace = !planned.inputFacts[0]?.retracts || !planned.facts.needsOrigins
    this.#options.refuse({
      ...this.#placeOf(given),
      at: given.at,
      diff: given.diff,
      kind,
      reason,
      stack,
      operator: operatorOf(planned),
      row: this.#textOf(given),
      node: this.#isRow(given) && hasPlace ? planned.node.id : null,
    })
  }

  /** A timer is none. */
  #isRow({ row }: Given): boolean {
    return this.#options.planned.inputSchemas[0]?.names.every((name) => name in row) === true
  }

  #textOf(given: Given): string {
    const { row } = given
    return this.#isRow(given)
      ? rowToJson(this.#options.planned.inputSchemas[0]!, row as Readonly<Record<string, Value>>)
      : JSON.stringify(row)
  }

  /** Of a source the split and the offset, else which call of which epoch it was. */
  #placeOf({ origin }: Given): Place {
    const { stage, shard, activity, planned, retried } = this.#options
    if (stage.kind !== 'source') {
      const { epoch, call } = activity.place
      // To explode a row calls nothing.
      return { split: shard.index, offset: null, epoch, call: planned.node.kind === 'explode' ? null : call }
    }
    const place = retried() ?? (origin && placeInSplit(origin))
    return { split: place?.split ?? shard.index, offset: place?.offset ?? null, epoch: null, call: null }
  }

  #failure(given: Given, thrown: unknown): UmbelError {
    const { stage, planned } = this.#options
    const isOurs = thrown instanceof UmbelError
    const { reason, stack } = describe(thrown)
    const place = placeText(this.#placeOf(given))
    const text = this.#textOf(given)
    const row = text.length > ROW_CHARS ? `${text.slice(0, ROW_CHARS)}…` : text
    return userError(
      isOurs ? thrown.code : 'user-code',
      `${operatorOf(planned)} in stage '${stage.name}' ${isOurs ? 'fails' : 'threw'}: ${reason}\n` +
        `  on ${this.#isRow(given) ? 'the row' : 'a timer'} of ${isoTime(given.at)} (${place}): ${row}\n` +
        "  mend the function and go on with --changed-code, or declare the topology with { onError: 'dead-letter' }, " +
        `and such rows are turned away${isOurs ? '' : framesOf(stack)}`,
      thrown,
    )
  }
}

/** Without the message that it begins with. */
const framesOf = (stack: string | null): string => /\n {4}at [\s\S]*/.exec(stack ?? '')?.[0] ?? ''

function placeText({ split, offset, epoch, call }: Place): string {
  if (epoch === null) return offset === null ? `shard ${split}` : `split ${split}, offset ${offset}`
  return `shard ${split}, ${call === null ? '' : `call ${call} of `}epoch ${epoch}`
}

export const operatorOf = ({ node }: PlannedNode): string =>
  node.kind === 'actor' ? `actor '${node.name}'` : node.kind

function describe(thrown: unknown): { reason: string; stack: string | null } {
  return thrown instanceof Error
    ? { reason: thrown.message, stack: thrown.stack ?? null }
    : { reason: String(thrown), stack: null }
}
