/** What LMDB throws, as errors of ours. */
import { corruptionError, UmbelError } from '../base/errors.ts'

/** What a commit was refused for, with the system's number: lmdb says it behind the error, in a promise. */
export async function commitError(thrown: unknown): Promise<unknown> {
  const { commitError: reason } = thrown as { commitError?: Promise<never> }
  if (reason === undefined) return thrown
  const { message, code } = await reason.catch((error: Error & { code?: unknown }) => error)
  // Behind it stand pages and positions.
  const [what] = message.split(':')
  return Object.assign(new Error(`Commit failed: ${what}`, { cause: thrown }), { code })
}

/** LMDB itself finds some damage, by pages that cannot be. */
export function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    const { message, code } = error as { message: string; code?: unknown }
    if (typeof code === 'number' && code < 0) throw corruptionError('store', `the store is damaged: ${message}`, error)
    throw error
  }
}

/** Numbers of LMDB's own errors are negative; others are the system's, and say nothing of the store. */
export function openError(path: string, error: unknown): UmbelError {
  const { message, code } = error as { message: string; code?: unknown }
  const text = `the store ${path} cannot be opened: ${message}`
  const isOfSystem = (typeof code === 'number' && code > 0) || typeof code === 'string'
  return isOfSystem && !(error instanceof UmbelError)
    ? new UmbelError('retryable', 'store', text, error)
    : corruptionError('store', text, error)
}
