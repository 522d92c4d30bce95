/** What the named scripts take: a wrong option is told in a line, and nothing is run. */
import { parseArgs } from 'node:util'

/** @returns the values @throws never: ends the process with 2 for an option that there is not */
export function argumentsOf(options) {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return refuse(error.message)
  }
}

/** A number from 1 on, as given for `--name`; undefined stays so. */
export function numberOf(values, name, least = 1) {
  const value = values[name]
  if (value === undefined) return undefined
  const number = Number(value)
  return number >= least ? number : refuse(`--${name} takes a number from ${least} on, not '${value}'`)
}

/** One of some names. */
export function choiceOf(values, name, choices) {
  const value = values[name]
  return value === undefined || choices.includes(value)
    ? value
    : refuse(`--${name} is one of ${choices.join(', ')}, not '${value}'`)
}

export function refuse(problem) {
  process.stderr.write(`${problem}\n`)
  process.exit(2)
}
