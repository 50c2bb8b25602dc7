"""What is made from the model of the settings, the table of parts and the chart: ``make generate``."""
