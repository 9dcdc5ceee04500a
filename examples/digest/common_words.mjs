// English words that say nothing about a text by being frequent in it.

export const COMMON_WORDS = new Set(
  `about above after again against all almost also although always among and another any are aren't around away back
  because been before began being below between both but came can can't cannot come could couldn't did didn't does
  doesn't doing don't done down during each either else ever every few first for from further get getting go going got
  had hadn't has hasn't have haven't having he'd he'll he's her here hers herself him himself his how however i'd i'll
  i'm i've into isn't it'd it'll it's its itself just know let let's like made make many may might more most much must
  myself never next nor not nothing now off once one only other our ourselves out over own perhaps put quite rather
  said same saw say says see seem seemed shall shan't she she'd she'll she's should shouldn't since some such take than
  that that's the their them themselves then there there's these they they'd they'll they're they've thing things this
  those though thought through too took two under until upon very want was wasn't way we'd we'll we're we've well went
  were weren't what when where whether which while who whom why will with without won't would wouldn't yes yet you
  you'd you'll you're you've your yours yourself`.split(/\s+/),
);
