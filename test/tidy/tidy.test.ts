/**
 * Holds the house rules (`rules.ts`) over every file of the repository. First each rule is shown texts that break it and
 * texts that keep it, so that a rule which sees nothing fails here rather than passing for ever.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { anyRule, doorRule, floorRule, machineRule, type Rule, seamRule, sizeRule, type TextFile } from './rules.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** What Git ignores too, and Git's own. */
const skipped = new Set(['.git', 'node_modules', 'dist', '.umbel', 'out', '.tap', 'coverage'])

function readTree(folder: string): TextFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return []
    const full = join(folder, entry.name)
    if (entry.isDirectory()) return readTree(full)
    const text = entry.isFile() ? readFileSync(full, 'utf8') : '\0'
    return text.includes('\0') ? [] : [{ path: relative(root, full).replaceAll(sep, '/'), text }]
  })
}

function hold(t: Test, rule: Rule, files: readonly TextFile[]): void {
  const problems = files.flatMap(rule)
  for (const problem of problems) t.fail(problem, { at: null, stack: '' })
  if (problems.length === 0) t.pass(`${files.length} files keep the rule`)
}

interface Example {
  readonly path: string
  readonly text: string
  readonly breaks: boolean
}

const breaks = (path: string, text: string): Example => ({ path, text, breaks: true })
const keeps = (path: string, text: string): Example => ({ path, text, breaks: false })

/** Spelled in parts, since this file must keep the rule too. */
const homePath = ['', 'home', 'someone', 'data'].join('/')
const relativePath = ['.', 'work', 'a'].join('/')
/** Paths that only look like those of a machine. */
const innerPath = ['a', 'root', 'b'].join('/')
const otherPath = ['', 'workers'].join('/')
const registryUrl = ['https://registry', 'npmjs', 'org/lmdb'].join('.')

const rules: { name: string; rule: Rule; over: 'src' | 'all'; examples: Example[] }[] = [
  {
    name: 'a file imports its own folder and lower floors',
    rule: floorRule,
    over: 'src',
    examples: [
      breaks('src/base/a.ts', "import { b } from '../records/b.ts'"),
      breaks('src/base/a.ts', "import type { b } from '../records/b.ts'"),
      breaks('src/storage/a.ts', "export { b } from '../mailbox/b.ts'"),
      breaks('src/mailbox/a.ts', "const b = await import('../storage/b.ts')"),
      breaks('src/operators/a.ts', "import { b } from '../storage/write-set.ts'"),
      breaks('src/operators/a.ts', "let b: import('../recovery/b.ts').B"),
      breaks('src/connectors/a.ts', "import { b } from '../actors/b.ts'"),
      breaks('src/connectors/a.ts', "import { b } from '../storage/table.ts'"),
      breaks('src/testing/a.ts', "import { b } from '../platform/b.ts'"),
      breaks('src/cli/a.ts', "import { b } from '../index.ts'"),
      breaks('src/cli/a.ts', "import { b } from 'umbel'"),
      breaks('src/cli/a.ts', "import { b } from '../../test/b.ts'"),
      breaks('src/attic/a.ts', ''),
      keeps('src/operators/a.ts', "import { b } from '../storage/table.ts'"),
      keeps('src/actors/real/a.ts', "import { b } from '../../connectors/b.ts'"),
      keeps('src/index.ts', "export { b } from './base/b.ts'"),
      keeps('src/base/real/a.ts', "import { b } from '../b.ts' // not '../../cli/c.ts'"),
    ],
  },
  {
    name: 'the outside is reached through the seam',
    rule: seamRule,
    over: 'src',
    examples: [
      ...['lmdb', 'piscina', 'node:worker_threads', 'node:fs', 'node:fs/promises', 'fs', 'node:child_process'].map(
        (name) => breaks('src/base/a.ts', `import x from '${name}'`),
      ),
      ...['node:net', 'node:timers/promises'].map((name) =>
        breaks('src/base/a.ts', `const x = await import('${name}')`),
      ),
      ...['setTimeout(f, 1)', 'setInterval(f, 1)', 'const x = { setImmediate }', 'globalThis.setTimeout(f)'].map(
        (text) => breaks('src/base/a.ts', text),
      ),
      ...['Date.now()', 'const now = Date.now', 'new Date()', 'new Date', 'Date()', 'performance.now()'].map((text) =>
        breaks('src/base/a.ts', text),
      ),
      ...['Math.random()', 'const x = { random: Math.random }', 'process.hrtime.bigint()'].map((text) =>
        breaks('src/base/a.ts', text),
      ),
      breaks('src/storage/lmdb-environment.ts.ts', 'Date.now()'),
      keeps('src/base/real/clock.ts', 'Date.now()'),
      keeps('src/storage/lmdb-environment.ts', "import { open } from 'lmdb'"),
      keeps('src/base/a.ts', 'new Date(ms).toISOString() // not Date.now(), nor setTimeout()'),
      keeps('src/base/a.ts', "interface Timers { setTimeout(): void }; timers.setTimeout(); 'Math.random()'"),
    ],
  },
  {
    name: 'a file has one subject',
    rule: sizeRule,
    over: 'src',
    examples: [breaks('src/base/a.ts', 'a\n'.repeat(301)), keeps('src/base/a.ts', 'a\n'.repeat(300))],
  },
  {
    name: 'nothing is any',
    rule: anyRule,
    over: 'src',
    examples: [
      breaks('src/base/a.ts', 'let a: any'),
      breaks('src/base/a.ts', 'const a = b as any'),
      keeps('src/base/a.ts', "const any = 'as any' // : any"),
    ],
  },
  {
    name: 'a door lists its names by hand',
    rule: doorRule,
    over: 'src',
    examples: [
      breaks('src/index.ts', "export * from './base/a.ts'"),
      breaks('src/testing/index.ts', "export * as base from '../base/a.ts'"),
      keeps('src/index.ts', "export { a } from './base/a.ts' // not export *"),
    ],
  },
  {
    name: 'no file names a machine',
    rule: machineRule,
    over: 'all',
    examples: [
      breaks('README.md', `see ${homePath}`),
      breaks('bench/a.mjs', `const data = '${homePath}'`),
      breaks('package-lock.json', `"resolved": "${registryUrl}"`),
      breaks('README.md', registryUrl),
      keeps('README.md', `https://example.org/home and ${relativePath} and ${innerPath} and ${otherPath}`),
    ],
  },
]

const files = readTree(root)
const sources = files.filter(({ path }) => /^src\/.*\.[cm]?[jt]sx?$/.test(path))

for (const { name, rule, over, examples } of rules) {
  test(name, async (t) => {
    for (const { breaks, ...example } of examples) {
      t.equal(
        rule(example).length > 0,
        breaks,
        `${example.path} ${breaks ? 'breaks' : 'keeps'} it: ${example.text.slice(0, 80)}`,
      )
    }
    hold(t, rule, over === 'src' ? sources : files)
  })
}
