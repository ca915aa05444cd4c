/** What is decided of limits from values alone. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Budget, fullBudget, nextStep } from '../../../../core/engine/limits/budget.ts'
import { parseHierarchies } from '../../../../core/engine/limits/hierarchies.ts'
import { cpuLimits, oomKills, startLimits } from '../../../../core/engine/limits/limit-files.ts'
import { ownerOfPlace, placeName } from '../../../../core/engine/limits/places.ts'
import { nextSampleMs } from '../../../../core/engine/limits/sampling.ts'
import { cpuShareOf, nicenessOf, quotaOf } from '../../../../core/engine/limits/share.ts'
import { isAlive, thisProcess } from '../../../../core/owner.ts'

test('memory gives CPU in proportion: 1,769 MB are one core, more are more than one', () => {
  assert.equal(cpuShareOf(1_769), 1)
  assert.ok(Math.abs(cpuShareOf(128) - 0.0724) < 0.0001)
  assert.ok(Math.abs(cpuShareOf(10_240) - 5.789) < 0.001)
})

test('a quota is CPU time in a period of 20 ms, and never less than the kernel takes', () => {
  assert.deepEqual(quotaOf(1), { periodUs: 20_000, quotaUs: 20_000 })
  assert.deepEqual(quotaOf(0.0724), { periodUs: 20_000, quotaUs: 1_448 })
  assert.deepEqual(quotaOf(2.5), { periodUs: 20_000, quotaUs: 50_000 })
  assert.deepEqual(quotaOf(0.01), { periodUs: 20_000, quotaUs: 1_000 })
})

test('niceness is 0 for a whole core and grows as the share shrinks', () => {
  assert.deepEqual([6, 1, 0.8, 0.5, 0.29, 0.0724, 0.001].map(nicenessOf), [0, 0, 1, 3, 6, 12, 19])
})

/** Runs the decisions against a process that would use `cores` all the time, in steps as they ask for. */
const simulate = (share: number, cores: number, totalMs: number, everyMs = 0) => {
  let nowMs = 0
  let usedMs = 0
  let budget: Budget = fullBudget(share, 0, 0)
  let stops = 0
  while (nowMs < totalMs) {
    const step = nextStep(budget, share, nowMs, usedMs)
    budget = step.budget
    const passMs = Math.max(step.againMs, everyMs)
    if (step.run) usedMs += passMs * cores
    else stops += 1
    nowMs += passMs
  }
  return { share: usedMs / nowMs, stops }
}

for (const share of [0.0724, 0.25, 0.5, 0.9, 1.5])
  test(`what would use two cores gets ${share} of one, within a twentieth`, () => {
    const got = simulate(share, 2, 60_000).share
    assert.ok(Math.abs(got - share) < share / 20, `got ${got}`)
  })

test('what uses less than its share is never stopped', () => {
  assert.deepEqual(simulate(0.5, 0.4, 60_000).stops, 0)
})

test('a host that looks late makes nobody wait for more than a second at a time', () => {
  const late = nextStep(fullBudget(0.1, 0, 0), 0.1, 30_000, 30_000)
  assert.equal(late.run, false)
  assert.equal(Math.round(late.againMs), 1_000)
})

test('what was not used does not add up', () => {
  const { budget } = nextStep(fullBudget(0.1, 0, 0), 0.1, 600_000, 0)
  assert.equal(budget.leftMs, 10)
})

const HYBRID = `23 1 254:0 / / rw - ext4 /dev/root rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`

test('own groups are found where controllers are mounted one by one, and version 2 beside them', () => {
  assert.deepEqual(parseHierarchies(HYBRID, '9:name=systemd:/\n4:memory:/a/b\n2:cpu,cpuacct:/\n0::/user.slice\n'), {
    v1: { cpu: '/sys/fs/cgroup/cpu,cpuacct', memory: '/sys/fs/cgroup/memory/a/b' },
    v2: '/sys/fs/cgroup/unified/user.slice',
  })
})

test('own groups are found where there is version 2 alone, with spaces in a mount, or with a colon in a group', () => {
  const mount = '30 23 0:26 / /my\\040cgroups rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n'
  assert.deepEqual(parseHierarchies(mount, '0::/system.slice/a:b.service\n'), {
    v1: {},
    v2: '/my cgroups/system.slice/a:b.service',
  })
})

test('a container that sees only its own group is in the root of what it sees', () => {
  const mounts = `812 800 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
813 800 0:26 /docker/abc /sys/fs/cgroup/unified ro - cgroup2 cgroup rw\n`
  assert.deepEqual(parseHierarchies(mounts, '4:memory:/docker/abc\n0::/docker/abc/inner\n'), {
    v1: { memory: '/sys/fs/cgroup/memory' },
    v2: '/sys/fs/cgroup/unified/inner',
  })
})

test('nothing is found where nothing is mounted', () => {
  assert.deepEqual(parseHierarchies('', ''), { v1: {}, v2: undefined })
})

test('the limits of each version are written to its files', () => {
  assert.deepEqual(
    startLimits('memory', 1, 128).map(({ name, text }) => [name, text]),
    [
      ['memory.limit_in_bytes', '134217728'],
      ['memory.memsw.limit_in_bytes', '134217728'],
    ],
  )
  assert.deepEqual(
    startLimits('memory', 2, 128).map(({ name, text, optional }) => [name, text, optional]),
    [
      ['memory.max', '134217728', false],
      ['memory.swap.max', '0', true],
      ['memory.oom.group', '1', true],
    ],
  )
  assert.deepEqual(
    startLimits('pids', 2, 128).map(({ name, text }) => [name, text]),
    [['pids.max', '1024']],
  )
  assert.deepEqual(startLimits('cpu', 1, 128), [])
  assert.deepEqual(
    cpuLimits(1, quotaOf(0.5)).map(({ name, text }) => [name, text]),
    [
      ['cpu.cfs_period_us', '20000'],
      ['cpu.cfs_quota_us', '10000'],
    ],
  )
  assert.deepEqual(
    cpuLimits(2, quotaOf(0.5)).map(({ name, text }) => [name, text]),
    [['cpu.max', '10000 20000']],
  )
})

test('kills for memory are counted as both versions write them', () => {
  assert.equal(oomKills('oom_kill_disable 0\nunder_oom 0\noom_kill 2\n'), 2)
  assert.equal(oomKills('low 0\nhigh 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 0\n'), 1)
  assert.equal(oomKills('oom_kill_disable 0\nunder_oom 0\n'), 0)
  assert.equal(oomKills(''), 0)
})

test('the name of a place says whose it is, and only those are known that were made so', () => {
  const me = thisProcess()
  const mine = ownerOfPlace(placeName('my-app.x', me, 3))
  assert.ok(mine && isAlive(mine))
  const dead = ownerOfPlace(placeName('my-app.x', { ...me, startedAt: me.startedAt + 1 }, 1))
  assert.ok(dead && !isAlive(dead))
  const elsewhere = ownerOfPlace(placeName('x', { ...me, startedAt: me.startedAt + 1, pidSpace: '17' }, 1))
  assert.ok(elsewhere && isAlive(elsewhere), 'what runs in another container cannot be known')
  for (const name of ['millrace-x', 'system.slice', 'millrace-x-12', 'other-x-1.2.3.4'])
    assert.equal(ownerOfPlace(name), undefined)
})

test('memory is looked at the sooner, the less of it is left', () => {
  const cases = [
    [0, 512, 100],
    [312, 512, 100],
    [412, 512, 50],
    [500, 512, 10],
    [600, 512, 10],
  ] as const
  for (const [usedMb, limitMb, ms] of cases) assert.equal(nextSampleMs(usedMb, limitMb), ms)
})
