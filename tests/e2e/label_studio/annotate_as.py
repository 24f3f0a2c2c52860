"""Answer the tasks of a project as two people would: `annotate_as.py URL TOKEN TITLE ANSWERS`.

ANSWERS is JSON: by text a list of two results of Label Studio, the first of the token's owner.
"""

import json
import sys

from label_studio_sdk import LabelStudio

url, token, title, answers = sys.argv[1:]
client = LabelStudio(base_url=url, api_key=token)
second = client.users.create(email="second@example.org", username="second", first_name="S", last_name="S")
(project,) = [project for project in client.projects.list(title=title) if project.title == title]
for task in client.tasks.list(project=project.id, fields="all"):
    of_first, of_second = json.loads(answers)[task.data["text"]]
    client.annotations.create(id=task.id, result=of_first)
    client.annotations.create(id=task.id, result=of_second, completed_by=second.id)
