import t from 'tap'
import { Budget } from '../../src/server/budget.js'

/** Who holds bytes in the name of `owner`, and gives way unless told otherwise. */
function holderOf (budget: Budget, owner: string, givesWay = true) {
  const holder = {
    owner,
    asked: 0,
    giveWay () {
      holder.asked++
      if (givesWay) budget.release(holder)
    }
  }
  return holder
}

t.test('beyond the most, those give way who have held for longest, until the rest fits', async t => {
  const budget = new Budget(100)
  const [first, second, third] = ['a', 'b', 'a'].map(owner => holderOf(budget, owner)) as [ReturnType<typeof holderOf>, ReturnType<typeof holderOf>, ReturnType<typeof holderOf>]
  budget.hold(first, 40)
  budget.hold(second, 60)
  t.same([first.asked, second.asked], [0, 0], 'the most is not too much')
  budget.hold(first, 30)
  budget.hold(third, 80)
  t.same([first.asked, second.asked, third.asked], [1, 1, 0])
  budget.hold(third, 100)
  t.equal(third.asked, 0, 'what gave way counts no longer')
})

t.test('whoever cannot give way is passed over', async t => {
  const budget = new Budget(100)
  const [stubborn, other] = [holderOf(budget, 'a', false), holderOf(budget, 'a')]
  budget.hold(stubborn, 90)
  budget.hold(other, 20)
  t.same([stubborn.asked, other.asked], [1, 1])
})

t.test('what is held in the name of each is known', async t => {
  const budget = new Budget(100)
  const [one, same, another] = [holderOf(budget, 'a'), holderOf(budget, 'a'), holderOf(budget, 'b')]
  budget.hold(one, 1)
  budget.hold(same, 2)
  budget.hold(one, 10)
  budget.hold(another, 5)
  t.same(['a', 'b', 'c'].map(owner => budget.heldBy(owner)), [12, 5, 0])
  budget.release(one)
  budget.release(one)
  t.equal(budget.heldBy('a'), 2)
})
