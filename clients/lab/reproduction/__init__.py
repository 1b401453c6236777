"""`redlab reproduce`: Q248371 by real processes, judged and reported."""
