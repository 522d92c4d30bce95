/**
 * Finds the calls (or rows of a source) that end whoever makes them, by trials: the last call of the shortest beginning
 * of the epoch that dies is one, if it dies of it alone too, and with it left out the search goes on, until the epoch
 * lives. A binary search, whose first guess is the call in which a trial was seen to die. Many calls of which none is
 * deadly alone are a function's that keeps what it is given.
 */
import type { Trial, TrialInput, Tried } from '../recovery/trial.ts'

/** What came of a trial. */
export type TrialOutcome =
  | ({ readonly lived: true } & Tried)
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
  /** So many calls together end it, none of them alone; or it dies while it leaves out the one behind so many. */
  | { readonly kind: 'together'; readonly calls: number; readonly reason: string }
  /** It dies before it comes to the epoch. */
  | { readonly kind: 'replaying'; readonly reason: string }
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
  readonly #isSingle: boolean
  /** It lives with every call left out. */
  #isFree = false
  #replayed = 0
  #step: 'look' | 'all' | 'none' | 'between' | 'alone' | 'other' | 'confirm' = 'look'

  /**
   * @param isSingle the epoch has the calls of one row alone: what they end in company, such as that of a timer which the
   *   row sets, it is to blame for
   */
  constructor(isSingle: boolean) {
    this.#isSingle = isSingle
  }

  /** The next trial. */
  next(): Trial {
    this.#asked = this.#last()
    const first = this.#step === 'alone' || this.#step === 'other' ? this.#asked : 1
    return { input: this.#input, first, last: this.#asked, without: this.#poison.map(({ number }) => number) }
  }

  #last(): number {
    switch (this.#step) {
      case 'none':
        return 0
      case 'alone':
      case 'confirm':
        return this.#died.number
      case 'other':
        return this.#died.number + 1
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
    return outcome.lived ? this.#takeLife(outcome) : this.#takeDeath(outcome)
  }

  #look(outcome: TrialOutcome): Verdict | null {
    if (!outcome.lived) return { kind: 'replaying', reason: outcome.reason }
    if (outcome.input === null) return { kind: 'innocent' }
    this.#replayed = outcome.replayed
    this.#input = outcome.input
    this.#step = 'all'
    return null
  }

  #takeLife({ input, size, replayed }: Tried): Verdict | null {
    if (input === null) return { kind: 'innocent' }
    this.#replayed = replayed
    if (this.#step === 'all') {
      const poison = this.#poison
      return poison.length === 0 ? { kind: 'innocent' } : { kind: 'found', input: this.#input!, poison }
    }
    if (this.#step === 'alone') {
      this.#step = 'confirm'
      return null
    }
    if (this.#step === 'confirm') return this.#doubt()
    if (this.#step === 'other') {
      const isMade = this.#asked <= size
      return isMade ? this.#found() : { kind: 'together', calls: 1, reason: this.#died.reason }
    }
    if (this.#step === 'none') this.#isFree = true
    // The call in which the last trial died has been tried: the guess is used up.
    if (this.#step === 'between') this.#isSeen = false
    this.#lived = this.#asked
    return this.#narrow()
  }

  #takeDeath({ call, reason, stack }: TrialOutcome & { lived: false }): Verdict | null {
    // There is hardly memory for the rows: whoever is in the middle of them dies, whatever is called.
    if (call > this.#asked) return { kind: 'together', calls: call, reason }
    if (this.#step === 'none') return { kind: 'hopeless', reason }
    const calls = this.#asked - this.#poison.length
    if (this.#step === 'confirm' && !(this.#isSingle && this.#replayed === 0))
      return { kind: 'together', calls, reason }
    // What was replayed may have left no memory for any call: where none has lived yet, another one shows.
    if (this.#step === 'other') return { kind: 'together', calls: 1, reason }
    if (this.#step === 'alone' && this.#replayed > 0 && this.#lived === this.#poison.length) {
      this.#step = 'other'
      return null
    }
    if (this.#step === 'alone' || this.#step === 'confirm') return this.#found()
    const input = this.#input!
    // Later calls than the one in which it died were never made.
    this.#isSeen = input.kind === 'calls' && call > this.#lived
    const size = input.kind === 'rows' ? input.offsets.length : CALLS_MAX
    this.#died = { number: Math.min(size, this.#asked, this.#isSeen ? call : CALLS_MAX), reason, stack }
    if (this.#step === 'all' && !this.#isFree) return this.#from('none')
    return this.#narrow()
  }

  #found(): Verdict | null {
    if (this.#poison.length === POISON_MAX) return { kind: 'hopeless', reason: this.#died.reason }
    this.#poison.push(this.#died)
    // Everything up to it lives without it; what comes behind is not known yet.
    return this.#from('all')
  }

  #narrow(): null {
    this.#step = this.#died.number - this.#lived > 1 ? 'between' : 'alone'
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
