"""What is published, for those who work on with it: a workbook, and what two runs differ in."""
