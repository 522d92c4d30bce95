/** What the documents show is true: programs compile and run, npm scripts and linked files are there. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { project, root, startProcess, umbel } from './support.ts'

const tsc = path.join(root, 'node_modules/typescript/bin/tsc')
const STRICT = ['--ignoreConfig', '--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023']

const textOf = (document: string): string => fs.readFileSync(path.join(root, document), 'utf8')

/** Programs by their names: fenced blocks that begin with a comment of the name of a file. */
function programsOf(document: string): Record<string, string> {
  const blocks = textOf(document).matchAll(/^```[tj]s\n(\/\/ (\S+\.m?[tj]s)\n[\s\S]*?)^```$/gm)
  return Object.fromEntries([...blocks].map(([, text, name]) => [name, text]))
}

for (const document of ['README.md', 'docs/topologies.md']) {
  t.test(`the programs of ${document}`, async (t) => {
    const programs = programsOf(document)
    const names = Object.keys(programs)
    t.not(names.length, 0, 'there are some')
    const directory = project(t, programs)
    const typed = names.filter((name) => name.endsWith('.ts'))
    const { code, stdout } = await startProcess(process.execPath, [tsc, ...STRICT, ...typed], directory).ended
    t.equal(stdout, '', 'they compile')
    t.equal(code, 0)

    for (const name of names) {
      if (name.endsWith('.mjs')) {
        const ran = await startProcess(process.execPath, [name], directory).ended
        t.equal(ran.code, 0, ran.stderr)
        t.match(ran.stdout, /^1 [\s\S]*\nfinished\n$/, `${name} prints rows that hold, and the outcome`)
        continue
      }
      const ran = await umbel(directory, ['run', name, '--shards', '2', '--workers', '1', '--json'])
      t.equal(ran.code, 0, `${name} runs`)
      const result = JSON.parse(ran.stdout)
      t.match(result, { outcome: 'finished', rejected: 0, restarts: 0 })
      for (const file of result.files) {
        t.ok(fs.readFileSync(path.join(directory, file), 'utf8').split('\n').length > 10, `${file} has rows`)
        if (document !== 'README.md') continue
        for (const place of [file, result.directory, result.deadLetters]) {
          t.ok(textOf(document).includes(`\`${place}\``), `${document} says that there is ${place}`)
        }
      }
    }
  })
}

const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'bench/README.md',
  ...fs
    .readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
]

t.test('every npm script that is named is there', async (t) => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: object }
  const missing = DOCUMENTS.flatMap((document) =>
    [...textOf(document).matchAll(/npm run ([\w:-]+)/g)]
      .filter(([, name]) => !Object.hasOwn(scripts, name!))
      .map(([command]) => `${document} names '${command}', which is not there`),
  )
  t.same(missing, [])
})

t.test('every link within the repository leads somewhere', async (t) => {
  const broken = DOCUMENTS.flatMap((document) => {
    // Code is no text, and may look like a link.
    const text = textOf(document).replace(/```[\s\S]*?```|`[^`\n]*`/g, '')
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link!.replace(/#.*/, ''))
      .filter((link) => link !== '' && !/^[a-z]+:/.test(link))
      .filter((link) => !fs.existsSync(path.join(root, path.dirname(document), link)))
      .map((link) => `${document} links to ${link}, which is not there`)
  })
  t.same(broken, [])
})
