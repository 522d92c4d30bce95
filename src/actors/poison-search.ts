/**
 * Finds the calls (or rows of a source) that end whoever makes them, by trials, each in a process of its own: the last call
 * of the shortest beginning of the epoch that dies is one, if it alone of the calls of its function is deadly too, and
 * the one before it is not. With it left out the search goes on, until the epoch lives. A binary search, whose first guess
 * is the call in which a trial was seen to die. Many calls of which none is deadly alone are a function's that keeps what
 * it is given.
 */
import type { NumberedCall } from '../base/activity.ts'
import type { Trial, TrialInput, Tried } from '../recovery/trial.ts'

/** What came of a trial. */
export type TrialOutcome =
  | ({ readonly lived: true } & Tried)
  /** @property call in which call it was, 0 where that is not known */
  | { readonly lived: false; readonly call: number; readonly reason: string; readonly stack: string | null }

/** What a call, or row, did to whoever took it. */
export interface Poison extends NumberedCall {
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
  /** Somebody wanted an end before anything was found. */
  | { readonly kind: 'ended' }
  /** It dies with every call left out, or of too many. */
  | { readonly kind: 'hopeless'; readonly reason: string }

const CALLS_MAX = 2 ** 31
/** More than so many in one epoch are no matter of single rows. */
const POISON_MAX = 100
/** So few may be a cause and its effect, such as a row and the timer that it sets. */
const COMPANY_MAX = 8
/** How often what one trial said may not be confirmed by the next. */
const DOUBTS_MAX = 3

export class PoisonSearch {
  readonly #isSingle: boolean
  readonly #reach: number
  #input: TrialInput | null = null
  readonly #poison: Poison[] = []
  /** The last call of a beginning that lived, and how the shortest one died that did: with which call. */
  #lived = 0
  #died = { number: CALLS_MAX, reason: '', stack: null as string | null }
  /** The call behind the beginning that lived last; null where it is not known. */
  #next: NumberedCall | null = null
  #isSeen = false
  /** Of rows: where to try next, rather than in the middle; 0 where nothing is known. */
  #hint = 0
  #isBeforeTried = false
  #asked = 0
  #doubts = 0
  /** It lives with every call left out. */
  #isFree = false
  /** Rows came with the epoch. */
  #rows = 0
  #step: 'look' | 'all' | 'none' | 'between' | 'alone' | 'other' | 'confirm' = 'look'

  /**
   * @param isSingle the shard takes one row an epoch, if it can: where it has one alone, the last of its calls is to blame
   *   for what they end in company, such as that of a timer which the row sets
   * @param call in which it was seen to die: a source must read so many rows, more or less, to come to it
   */
  constructor(isSingle: boolean, call = 1) {
    this.#isSingle = isSingle
    this.#reach = Math.max(1, call)
  }

  /** The next trial. */
  next(): Trial {
    this.#asked = this.#last()
    const alone = this.#step === 'alone' ? this.#next : this.#step === 'other' ? this.#before() : null
    return { input: this.#input, reach: this.#reach, last: this.#asked, alone, without: this.#poison }
  }

  #last(): number {
    switch (this.#step) {
      case 'none':
        return 0
      case 'confirm':
        return this.#died.number
      case 'between':
        // Where it was seen to die is right nearly always: the call before must live.
        return this.#isSeen
          ? this.#died.number - 1
          : (this.#guess() ?? Math.floor((this.#lived + this.#died.number) / 2))
      default:
        return Number.POSITIVE_INFINITY
    }
  }

  /** Each hint is good for one trial. */
  #guess(): number | null {
    const hint = this.#hint
    this.#hint = 0
    return hint > this.#lived && hint < this.#died.number ? hint : null
  }

  /** The call in which it died is the row of that number, where rows have one function. If so, the row before lives. */
  #hintAt(call: number): void {
    const isLast = call === this.#died.number
    this.#hint = !isLast ? call : this.#isBeforeTried ? 0 : call - 1
    if (isLast) this.#isBeforeTried = true
  }

  /** The call of the same function before the one in question; null where there is none that can be made. */
  #before(): NumberedCall | null {
    const { node, nth } = this.#next!
    const isLeftOut = this.#poison.some((one) => one.node === node && one.nth === nth - 1)
    return nth > 1 && !isLeftOut ? { number: 0, node, nth: nth - 1 } : null
  }

  /** Takes what came of it; null when more trials are needed. */
  take(outcome: TrialOutcome): Verdict | null {
    if (this.#step === 'look') return this.#look(outcome)
    return outcome.lived ? this.#takeLife(outcome) : this.#takeDeath(outcome)
  }

  #look(outcome: TrialOutcome): Verdict | null {
    if (!outcome.lived) return { kind: 'replaying', reason: outcome.reason }
    if (outcome.input === null) return { kind: 'innocent' }
    this.#input = outcome.input
    this.#step = 'all'
    return null
  }

  #takeLife({ input, next, rows }: Tried): Verdict | null {
    if (input === null) return { kind: 'innocent' }
    this.#rows = rows
    switch (this.#step) {
      case 'all': {
        const poison = this.#poison
        return poison.length === 0 ? { kind: 'innocent' } : { kind: 'found', input: this.#input!, poison }
      }
      case 'alone':
        return this.#then('confirm')
      case 'other':
        return this.#found()
      case 'confirm':
        return this.#doubt()
      default:
        if (this.#step === 'none') this.#isFree = true
        // The call in which the last trial died has been tried: the guess is used up.
        else this.#isSeen = false
        this.#lived = this.#asked
        this.#next = next
        return this.#narrow()
    }
  }

  #takeDeath({ call, reason, stack }: TrialOutcome & { lived: false }): Verdict | null {
    const input = this.#input!
    // There is hardly memory for the rows: whoever is in the middle of them dies, whatever is called.
    if (input.kind === 'calls' && call > this.#asked) return { kind: 'together', calls: call, reason }
    switch (this.#step) {
      case 'none':
        return { kind: 'hopeless', reason }
      case 'alone':
        return this.#before() === null ? this.#found() : this.#then('other')
      case 'other':
        return { kind: 'together', calls: this.#died.number, reason }
      case 'confirm': {
        const calls = this.#asked - this.#poison.length
        const isCause = this.#isSingle && this.#rows <= 1 && calls <= COMPANY_MAX
        return isCause ? this.#found() : { kind: 'together', calls, reason }
      }
    }
    // Later calls than the one in which it died were never made.
    this.#isSeen = input.kind === 'calls' && call > this.#lived
    const size = input.kind === 'rows' ? input.offsets.length : CALLS_MAX
    this.#died = { number: Math.min(size, this.#asked, this.#isSeen ? call : CALLS_MAX), reason, stack }
    if (input.kind === 'rows') this.#hintAt(call)
    return this.#step === 'all' && !this.#isFree ? this.#from('none') : this.#narrow()
  }

  #found(): Verdict | null {
    if (this.#poison.length === POISON_MAX) return { kind: 'hopeless', reason: this.#died.reason }
    this.#poison.push({ ...this.#next!, reason: this.#died.reason, stack: this.#died.stack })
    // Everything up to it lives without it; what comes behind is not known yet.
    return this.#from('all')
  }

  /** The call in question is known when the beginning up to it was seen to live. */
  #narrow(): null {
    const isKnown = this.#died.number === this.#lived + 1 && this.#next?.number === this.#died.number
    return this.#then(isKnown ? 'alone' : 'between')
  }

  /** A beginning that died lives: something else ended it then. */
  #doubt(): Verdict | null {
    return ++this.#doubts === DOUBTS_MAX ? { kind: 'innocent' } : this.#from('all')
  }

  #from(step: 'all' | 'none'): null {
    this.#lived = 0
    this.#isSeen &&= step === 'none'
    this.#isBeforeTried = false
    return this.#then(step)
  }

  #then(step: 'all' | 'none' | 'between' | 'alone' | 'other' | 'confirm'): null {
    this.#step = step
    return null
  }
}
