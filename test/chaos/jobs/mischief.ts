/** What user code may do to its worker, set off from outside: a file names the way, and is taken by the first who sees it. */
import fs from 'node:fs'

const FILE = process.env.UMBEL_MISCHIEF
/** Looking costs a system call. */
const ROWS = 200

const ways: Readonly<Record<string, () => void>> = {
  exit: () => process.exit(7),
  memory: () => {
    const leak: unknown[] = []
    for (;;) leak.push(new Array(10_000).fill(performance.now()))
  },
  hang: () => {
    for (;;);
  },
  rejection: () => void Promise.reject(new Error('left behind by mischief')),
}

let rows = 0

/** Called by a job with each row. */
export function mischief(): void {
  if (FILE === undefined || ++rows % ROWS !== 0 || !fs.existsSync(FILE)) return
  let way: string
  try {
    way = fs.readFileSync(FILE, 'utf8')
    fs.renameSync(FILE, `${FILE}.done`)
  } catch {
    return // another worker was first
  }
  fs.appendFileSync(`${FILE}.log`, `${way}\n`)
  ways[way]?.()
}
