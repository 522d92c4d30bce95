/**
 * Finds the calls (or rows of a source) that end whoever makes them, by trials: the last call of the shortest beginning
 * of the epoch that dies, and dies again, is one, and with it left out the search goes on, until the epoch lives. A binary
 * search, whose first guess is the call in which a trial was seen to die.
 */
import type { Trial, TrialInput } from '../recovery/trial.ts'

/** What came of a trial. */
export type TrialOutcome =
  | { readonly lived: true; readonly input: TrialInput | null }
  /** @property call in which call it was, 0 where that is not known */
  | { readonly lived: false; readonly call: number; readonly reason: string; readonly stack: string | null }

/** What a call, or row, did to whoever took it. */
export interface Poison {
  /** From 1: of the calls of the epoch, or the rows of the input. */
  readonly number: number
  readonly reason: string
  readonly stack: string | null
}

export type Verdict =
  /** The epoch lives without these. */
  | { readonly kind: 'found'; readonly input: TrialInput; readonly poison: readonly Poison[] }
  /** It lives as it is, or has no input: the deaths came from elsewhere. */
  | { readonly kind: 'innocent' }
  /** It dies with every call left out, or of too many. */
  | { readonly kind: 'hopeless'; readonly reason: string }

const CALLS_MAX = 2 ** 31
/** More than so many in one epoch are no matter of single rows. */
const POISON_MAX = 100
/** How often what one trial said may not be confirmed by the next. */
const DOUBTS_MAX = 3

export class PoisonSearch {
  #input: TrialInput | null = null
  readonly #poison: Poison[] = []
  /** The last call of a beginning that lived, and of one that died. */
  #lived = 0
  #died: Poison = { number: CALLS_MAX, reason: '', stack: null }
  #isSeen = false
  #asked = 0
  #doubts = 0
  #step: 'look' | 'all' | 'none' | 'between' | 'confirm' = 'look'

  /** The next trial. */
  next(): Trial {
    this.#asked = this.#last()
    return { input: this.#input, last: this.#asked, without: this.#poison.map(({ number }) => number) }
  }

  #last(): number {
    switch (this.#step) {
      case 'none':
        return 0
      case 'confirm':
        return this.#died.number
      case 'between':
        // Where it was seen to die is right nearly always: the call before must live.
        return this.#isSeen ? this.#died.number - 1 : Math.floor((this.#lived + this.#died.number) / 2)
      default:
        return Number.POSITIVE_INFINITY
    }
  }

  /** Takes what came of it; null when more trials are needed. */
  take(outcome: TrialOutcome): Verdict | null {
    if (this.#step === 'look') return this.#look(outcome)
    return outcome.lived ? this.#takeLife(outcome.input) : this.#takeDeath(outcome)
  }

  #look(outcome: TrialOutcome): Verdict | null {
    if (!outcome.lived) return { kind: 'hopeless', reason: outcome.reason }
    if (outcome.input === null) return { kind: 'innocent' }
    this.#input = outcome.input
    this.#step = 'all'
    return null
  }

  #takeLife(input: TrialInput | null): Verdict | null {
    if (input === null) return { kind: 'innocent' }
    if (this.#step === 'all') {
      const poison = this.#poison
      return poison.length === 0 ? { kind: 'innocent' } : { kind: 'found', input: this.#input!, poison }
    }
    if (this.#step === 'confirm') return this.#doubt()
    // The call in which the last trial died has been tried: the guess is used up.
    if (this.#step === 'between') this.#isSeen = false
    this.#lived = this.#asked
    return this.#narrow()
  }

  #takeDeath({ call, reason, stack }: TrialOutcome & { lived: false }): Verdict | null {
    if (this.#step === 'none') return { kind: 'hopeless', reason }
    if (this.#step === 'confirm') {
      if (this.#poison.length === POISON_MAX) return { kind: 'hopeless', reason }
      this.#poison.push(this.#died)
      // Everything up to it lives without it; what comes behind is not known yet.
      return this.#from('all')
    }
    const input = this.#input!
    // Later calls than the one in which it died were never made.
    this.#isSeen = input.kind === 'calls' && call > this.#lived
    const size = input.kind === 'rows' ? input.offsets.length : CALLS_MAX
    this.#died = { number: Math.min(size, this.#asked, this.#isSeen ? call : CALLS_MAX), reason, stack }
    if (this.#step === 'all') return this.#from('none')
    return this.#narrow()
  }

  #narrow(): null {
    this.#step = this.#died.number - this.#lived > 1 ? 'between' : 'confirm'
    return null
  }

  /** A beginning that died lives: something else ended it then. */
  #doubt(): Verdict | null {
    return ++this.#doubts === DOUBTS_MAX ? { kind: 'innocent' } : this.#from('all')
  }

  #from(step: 'all' | 'none'): null {
    this.#step = step
    this.#lived = 0
    this.#isSeen &&= step === 'none'
    return null
  }
}
