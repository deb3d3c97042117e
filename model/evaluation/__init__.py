"""How good a model is: systems that answer, cases judged, tables with intervals, the shifted panel, the page.

`answer.py` what a system gives            `scorers.py` trained models as systems   `baselines.py` plain ones
`cases.py` one sample beside its answer    `surface.py` `lesions.py` its measures   `tables.py` all of them counted
`resample.py` intervals by patient         `shift.py` `panel.py` other scanners     `report.py` everything together
`page.py` `plots.py` `pictures.py` the report to read
"""
