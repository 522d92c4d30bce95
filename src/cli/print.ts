/** What a command has to say, as opposed to what it has to report on the way. */
export const print = (text: string): void => void process.stdout.write(`${text}\n`)
