"""What a data set's dashboard shows, derived from its contract and from nothing else.

QuickSight's definition and the page are both made from this, so that they show the same.

A selection is one value or `all` for each filter. With nothing selected a visual shows its
published output. Otherwise it shows the rows of its cube in which every filter column has the
selected value; where nothing is selected, that is the margin `all`, but for the columns that
the visual groups by, which have each value but `all`. So every group is exactly one row: a sum
of rows, which might leave a withheld one out, is never needed.
"""
