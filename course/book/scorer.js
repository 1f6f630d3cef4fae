// Where a word is in both, chapters stand above the reference of the library, unless
// the word is a whole name of it. Numbers are Sphinx's own but for objPartialMatch and
// objPrio.
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 1,
  objPrio: { 0: 0, 1: 0, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
