// URL groups: what is published to one goes to each of its endpoints.

import { request } from "./api.js";
import { openForm } from "./forms.js";
import { Table, button, mayWrite, send } from "./table.js";
import { $, element, moment, twice } from "./words.js";

const JSON_BODY = { "Content-Type": "application/json" };

export class UrlGroups extends Table {
  constructor() {
    super({
      name: "URL groups", noun: "group", columns: ["URL group", "Endpoints", "Changed", ""],
      nothing: [element("h2", {}, "No URL groups"), element("p", {}, "A group is made by its first endpoint. A message published to the group goes to each of them.")],
    });
    this.add = element("button", { disabled: true, onclick: () => add({}) }, "Add an endpoint");
    this.head.append(element("span", { className: "spacer" }), this.add);
  }

  async refresh() {
    this.show(await request("/v2/topics"), (group) => group.name, cells);
    this.add.disabled = !mayWrite();
  }
}

function cells(group) {
  return [
    element("b", {}, group.name),
    element("ul", { className: "endpoints" }, ...group.endpoints.map((one, at) => endpoint(group, one, at))),
    moment(group.updatedAt),
    [
      button("Add", "add", () => add({ group: group.name })),
      asked("Delete", "delete", "Really delete?", () => send(pathOf(group.name), "DELETE", `${group.name} is deleted.`)),
      element("a", { href: `#/messages?${new URLSearchParams({ topicName: group.name })}` }, "Its messages"),
    ],
  ];
}

function endpoint(group, { url, name }, at) {
  const body = JSON.stringify({ endpoints: [{ url }] });
  const last = group.endpoints.length === 1;
  const remove = asked("Remove", `remove ${at}`, last ? "Really, with its group?" : "Really remove?", () =>
    send(`${pathOf(group.name)}/endpoints`, "DELETE", last ? `${group.name} is gone with its last endpoint.` : `${group.name} is without ${name ?? url} now.`, { headers: JSON_BODY, body }));
  return element("li", {}, element("span", {}, url, name ? element("small", {}, name) : null), remove);
}

const pathOf = (name) => `/v2/topics/${encodeURIComponent(name)}`;

const asked = (label, act, sure, work) => {
  const made = Object.assign(twice(label, sure, work), { disabled: !mayWrite() });
  made.dataset.act = act;
  return made;
};

function add(given) {
  openForm($("#endpoint"), given, async ({ group, url, name }) => {
    const body = JSON.stringify({ endpoints: [name ? { url, name } : { url }] });
    await request(`${pathOf(group)}/endpoints`, { method: "POST", headers: JSON_BODY, body });
    return `${group} has ${name || url} now.`;
  });
}
